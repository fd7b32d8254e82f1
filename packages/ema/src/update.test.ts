import '@tensorflow/tfjs-backend-cpu'
import { golden, largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { update } from './index.js'

test('the teacher moves as the formula says', () => {
  const { teacher, student, m, out } = golden<{ ema: Record<'teacher' | 'student' | 'm' | 'out', number> }>().ema
  const moved = update({ w: tf.scalar(teacher) }, { w: tf.scalar(student) }, m)
  expect(largestDifference(moved.w!.dataSync(), [out])).toBeLessThan(1e-6)
})

test('any teacher moves by 1 - m of the way, for a number and a scalar alike', () => {
  const values = fc.array(
    fc.tuple(fc.float({ min: -9, max: 9, noNaN: true }), fc.float({ min: -9, max: 9, noNaN: true })),
    { minLength: 1 },
  )
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (pairs, m) => {
      tf.tidy(() => {
        const teacher = { w: tf.tensor1d(pairs.map(([t]) => t)) }
        const student = { w: tf.tensor1d(pairs.map(([, s]) => s)) }
        const moved = update(teacher, student, m).w!.dataSync()
        expect(
          largestDifference(
            moved,
            pairs.map(([t, s]) => m * t + (1 - m) * s),
          ),
        ).toBeLessThan(4e-6)
        expect(update(teacher, student, tf.scalar(m)).w!.dataSync()).toEqual(moved)
      })
    }),
  )
})

test('a teacher equal to its student stays so bit for bit, and at momentum 1 any teacher does', () => {
  const teacher = { w: tf.tensor1d([0.1, 1e-30, -3.3333]) }
  const student = { w: tf.tensor1d([5, 6, 7]) }
  expect(update(teacher, teacher, 0.996).w!.dataSync()).toEqual(teacher.w.dataSync())
  expect(update(teacher, student, 1).w!.dataSync()).toEqual(teacher.w.dataSync())
})

test('teacher and student share no tensor, none leaks, and none is read', () => {
  let teacher: Record<string, tf.Tensor> = { w: tf.ones([2, 2]), b: tf.zeros([2]) }
  const student = { w: tf.zeros([2, 2]), b: tf.ones([2]) }
  const before = tf.memory().numTensors
  const read = vi.spyOn(tf.backend(), 'readSync')
  for (const m of [0, 0.5, 1]) {
    const moved = update(teacher, student, m)
    for (const name of ['w', 'b'] as const) {
      expect(moved[name]!.dataId).not.toBe(teacher[name]!.dataId)
      expect(moved[name]!.dataId).not.toBe(student[name].dataId)
    }
    tf.dispose(teacher)
    teacher = moved
    expect(tf.memory().numTensors).toBe(before)
  }
  expect(read).not.toHaveBeenCalled()
  read.mockRestore()
})

test('names and shapes that differ, and a momentum out of range, are refused', () => {
  const w = tf.zeros([2, 2])
  const before = tf.memory().numTensors
  expect(() => update({ w }, {}, 0.9)).toThrow(
    'update: expected teacher and student to name the same parameters, got w in the teacher alone',
  )
  expect(() => update({ w }, { w, 'module.w': w }, 0.9)).toThrow('module.w in the student alone')
  const tall = tf.zeros([4, 1])
  expect(() => update({ w }, { w: tall }, 0.9)).toThrow("w of the student to have the teacher's shape [2,2], got [4,1]")
  tall.dispose()
  expect(() => update({ w }, { w }, 1.5)).toThrow('momentum from 0 to 1, got 1.5')
  expect(() => update({ w }, { w }, w as unknown as tf.Scalar)).toThrow('a number or a scalar, got shape [2,2]')
  expect(tf.memory().numTensors).toBe(before)
})
