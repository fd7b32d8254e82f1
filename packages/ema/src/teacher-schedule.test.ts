import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { momentumSchedule, type Teacher, teacherSchedule, teachers, update } from './index.js'

const length = { epochs: 2, iterationsPerEpoch: 3 }

/** Students 1, 2, 3 … after each step, from 0; what the teacher is during each step. */
function teachersSeen(teacher: Teacher): number[] {
  const schedule = teacherSchedule(teacher, length)
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

test('another kind is refused, with those there are', () => {
  expect(() => teacherSchedule('average' as Teacher, length)).toThrow(teachers.join(', '))
})
