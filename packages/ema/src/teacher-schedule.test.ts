import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { momentumSchedule, type Teacher, teacherSchedule, teachers, update } from './index.js'

const length = { epochs: 2, iterationsPerEpoch: 3 }

/** Students 1, 2, 3 … after each step, from 0; what the teacher is during each step. */
function teachersSeen(teacher: Teacher, ends: { base?: number; final?: number } = {}): number[] {
  const schedule = teacherSchedule(teacher, { ...length, ...ends })
  let own = 0
  let student = 0
  return [...schedule].map((momentum) => {
    const seen = own
    const before = student++
    const source = teacher === 'previous-iteration' ? before : student
    own = update({ w: tf.scalar(own) }, { w: tf.scalar(source) }, momentum).w!.dataSync()[0]!
    return seen
  })
}

test('the student itself, its previous iteration, its previous epoch', () => {
  expect(teachersSeen('student')).toEqual([0, 1, 2, 3, 4, 5])
  expect(teachersSeen('previous-iteration')).toEqual([0, 0, 1, 2, 3, 4])
  expect(teachersSeen('previous-epoch')).toEqual([0, 0, 0, 3, 3, 3])
})

test('the momentum teacher follows the cosine', () => {
  const options = { ...length, base: 0.9, final: 1 }
  expect(teacherSchedule('momentum', options)).toEqual(momentumSchedule(options))
  expect(teachersSeen('momentum')[5]).toBeLessThan(1)
})

test('a momentum that ends where it begins is the same at every iteration, to the bit, and the teacher a plain moving average', () => {
  for (const momentum of [0, 0.5, 0.996, 0.999, 1]) {
    const schedule = teacherSchedule('momentum', { base: momentum, final: momentum, epochs: 30, iterationsPerEpoch: 7 })
    expect([schedule.length, ...new Set(schedule)]).toEqual([210, momentum])
  }
  // m = .5 and students 1, 2, 3 …: (0 + 1) / 2, (.5 + 2) / 2, (1.25 + 3) / 2, …
  expect(teachersSeen('momentum', { base: 0.5, final: 0.5 })).toEqual([0, 0.5, 1.25, 2.125, 3.0625, 4.03125])
})

test('another kind is refused, with those there are', () => {
  expect(() => teacherSchedule('average' as Teacher, length)).toThrow(teachers.join(', '))
})
