import '@tensorflow/tfjs'
import { largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crossEntropy, selfDistillation, updateCenter } from './index.js'

const wave = (rows: number, K: number, frequency: number, height = 1) =>
  tf.reshape(tf.mul(tf.sin(tf.mul(tf.range(1, rows * K + 1), frequency)), height), [rows, K]) as tf.Tensor2D
const value = (scalar: tf.Tensor) => scalar.dataSync()[0]

/** Pair by pair, as in the paper's algorithm 1, with TensorFlow.js's own gradients. */
function pairByPair(student: tf.Tensor, teacher: tf.Tensor, center: tf.Tensor, tauS: number, tauT: number): tf.Scalar {
  const B = teacher.shape[0] / 2
  const V = student.shape[0] / B
  const targets = tf.split(tf.softmax(tf.div(tf.sub(teacher, center), tauT)), 2)
  const logs = tf.split(tf.logSoftmax(tf.div(student, tauS)), V)
  const terms = targets.flatMap((target, i) =>
    logs.filter((_, v) => v !== i).map((log) => tf.neg(tf.mean(tf.sum(tf.mul(target, log), 1)))),
  )
  expect(terms.length).toBe(2 * V - 2)
  return tf.mean(tf.stack(terms)) as tf.Scalar
}

test.each([2, 3, 10])('uniform logits cost ln K with %i views', (V) => {
  const loss = selfDistillation(tf.zeros([V * 3, 64]), tf.zeros([6, 64]), tf.zeros([1, 64]))
  expect(value(loss)).toBeCloseTo(Math.log(64), 5)
})

test('loss and gradient equal the sum pair by pair, for any number of views, images and prototypes', () => {
  fc.assert(
    fc.property(
      fc.record({
        V: fc.integer({ min: 2, max: 6 }),
        B: fc.integer({ min: 1, max: 4 }),
        K: fc.integer({ min: 1, max: 9 }),
        studentTemp: fc.double({ min: 0.05, max: 1, noNaN: true }),
        teacherTemp: fc.double({ min: 0.03, max: 1, noNaN: true }),
        frequency: fc.double({ min: 0.1, max: 3, noNaN: true }),
        upstream: fc.double({ min: -2, max: 2, noNaN: true }),
      }),
      ({ V, B, K, studentTemp, teacherTemp, frequency, upstream }) => {
        tf.tidy(() => {
          const student = wave(V * B, K, frequency, 2)
          const teacher = wave(2 * B, K, 1.3 * frequency)
          const center = wave(1, K, 0.7, 0.1)
          const options = { studentTemp, teacherTemp }
          const ours = (x: tf.Tensor) => selfDistillation(x as tf.Tensor2D, teacher, center, options)
          const plain = (x: tf.Tensor) => pairByPair(x, teacher, center, studentTemp, teacherTemp)
          const dy = tf.scalar(upstream)
          expect(largestDifference(ours(student).dataSync(), plain(student).dataSync())).toBeLessThan(2e-5)
          const gradients = [ours, plain].map((f) => tf.grad(f)(student, dy).dataSync())
          expect(largestDifference(gradients[0], gradients[1])).toBeLessThan(5e-5)
        })
      },
    ),
    { numRuns: 60 },
  )
})

describe('no gradient reaches', () => {
  test('the teacher or the center, though one parameter makes all three', () => {
    const [x, xCenter, y] = [wave(4, 5, 0.9), wave(1, 5, 2.1), wave(8, 5, 0.4)]
    const scaled = (factor: tf.Tensor, teacherFactor: tf.Tensor) =>
      selfDistillation(tf.mul(y, factor), tf.mul(x, teacherFactor), tf.mul(xCenter, teacherFactor))
    const factor = tf.scalar(1.5)
    const shared = tf.grad((w: tf.Tensor) => scaled(w, w))(factor)
    const studentOnly = tf.grad((w: tf.Tensor) => scaled(w, tf.scalar(1.5)))(factor)
    expect(value(shared)).toBe(value(studentOnly))
    expect(value(shared)).not.toBe(0)
  })

  test('them when they alone are asked for: TensorFlow.js says that nothing connects them', () => {
    const student = wave(4, 5, 0.4)
    const ofTeacher = (t: tf.Tensor) => selfDistillation(student, t as tf.Tensor2D, tf.zeros([1, 5]))
    const ofCenter = (c: tf.Tensor) => selfDistillation(student, wave(4, 5, 0.9), c as tf.Tensor2D)
    expect(() => tf.grad(ofTeacher)(wave(4, 5, 0.9))).toThrow('Cannot compute gradient')
    expect(() => tf.grad(ofCenter)(tf.zeros([1, 5]))).toThrow('Cannot compute gradient')
  })
})

describe('the loss does not change', () => {
  const [student, teacher, center] = [wave(12, 7, 0.4), wave(6, 7, 0.9), wave(1, 7, 2.1)]
  const loss = value(selfDistillation(student, teacher, center))

  test('when a constant is added to all logits of a row', () => {
    const moved = selfDistillation(tf.add(student, wave(12, 1, 5)), tf.add(teacher, wave(6, 1, 3)), tf.add(center, 2))
    expect(value(moved)).toBeCloseTo(loss, 4)
  })

  test('when the images of the batch change places', () => {
    const swap = (rows: tf.Tensor2D, V: number) =>
      tf.reshape(tf.gather(tf.reshape(rows, [V, 3, 7]), tf.tensor1d([2, 0, 1], 'int32'), 1), [V * 3, 7]) as tf.Tensor2D
    expect(value(selfDistillation(swap(student, 4), swap(teacher, 2), center))).toBeCloseTo(loss, 5)
  })

  test('when temperatures come as scalar tensors, as in a traced step', () => {
    const settings = { studentTemp: tf.scalar(0.2), teacherTemp: tf.scalar(0.06) }
    const numbers = { studentTemp: 0.2, teacherTemp: 0.06 }
    const [traced, plain] = [settings, numbers].map((options) =>
      tf.valueAndGrad((x: tf.Tensor) => selfDistillation(x as tf.Tensor2D, teacher, center, options))(student),
    )
    expect(largestDifference(traced.value.dataSync(), plain.value.dataSync())).toBeLessThan(1e-6)
    expect(largestDifference(traced.grad.dataSync(), plain.grad.dataSync())).toBeLessThan(1e-6)
  })

  test('when an option is given as undefined', () => {
    const options = { studentTemp: undefined, teacherTemp: undefined }
    expect(value(selfDistillation(student, teacher, center, options))).toBe(loss)
  })
})

test('logits of ten thousand overflow nothing', () => {
  const [student, teacher] = [wave(6, 5, 0.4, 1e4), wave(4, 5, 0.9, 1e4)]
  const loss = (x: tf.Tensor) => selfDistillation(x as tf.Tensor2D, teacher, tf.zeros([1, 5]))
  const { value: cost, grad } = tf.valueAndGrad(loss)(student)
  expect(Number.isFinite(value(cost))).toBe(true)
  expect(grad.dataSync<'float32'>().every(Number.isFinite)).toBe(true)
})

test('crossEntropy on the same targets is the same loss', () => {
  const [student, teacher, center] = [wave(12, 7, 0.4), wave(6, 7, 0.9), wave(1, 7, 2.1)]
  const targets: tf.Tensor2D = tf.softmax(tf.div(tf.sub(teacher, center), 0.04))
  expect(value(crossEntropy(student, targets))).toBeCloseTo(value(selfDistillation(student, teacher, center)), 5)
})

test('the center is a moving average of the mean row', () => {
  const teacher = tf.tensor2d([
    [1, 2],
    [3, 6],
  ])
  expect(updateCenter(tf.tensor2d([[10, 20]]), teacher, { momentum: 0.5 }).arraySync()).toEqual([[6, 12]])
  expect(updateCenter(tf.tensor2d([[10, 20]]), teacher, { momentum: tf.scalar(0) }).arraySync()).toEqual([[2, 4]])
  expect(updateCenter(tf.tensor2d([[10, 20]]), teacher, { momentum: 1 }).arraySync()).toEqual([[10, 20]])
})

test('shapes and settings that do not fit are refused', () => {
  const [student, teacher, center] = [tf.zeros([6, 4]), tf.zeros([4, 4]), tf.zeros([1, 4])] as tf.Tensor2D[]
  expect(() => selfDistillation(student, teacher, tf.zeros([1, 3]))).toThrow('center of shape [1,4], got [1,3]')
  expect(() => selfDistillation(student, tf.zeros([3, 4]), center)).toThrow(
    'teacher rows of two views, [2B,K], got [3,4]',
  )
  expect(() => selfDistillation(tf.zeros([5, 4]), teacher, center)).toThrow('[V*2,4], got [5,4]')
  expect(() => selfDistillation(tf.zeros([2, 4]), teacher, center)).toThrow('at least two views of 2 images')
  expect(() => selfDistillation(tf.zeros([6, 5]), teacher, center)).toThrow('got [6,5]')
  expect(() => selfDistillation(tf.zeros([6, 4], 'int32'), teacher, center)).toThrow(
    'student as float32 [rows,K], got int32',
  )
  expect(() => selfDistillation(student, teacher, center, { teacherTemp: 0 })).toThrow('teacherTemp above 0, got 0')
  expect(() => selfDistillation(student, teacher, center, { studentTemp: Number.NaN })).toThrow(
    'studentTemp above 0, got NaN',
  )
  expect(() => crossEntropy(student, teacher, { studentTemp: -1 })).toThrow('studentTemp above 0, got -1')
  expect(() => updateCenter(center, tf.zeros([2, 5]))).toThrow('center of shape [1,5], got [1,4]')
  expect(() => updateCenter(center, teacher, { momentum: 1.1 })).toThrow('momentum from 0 to 1, got 1.1')
})

test('loss, gradient and center leave no tensor behind', () => {
  const [student, teacher, center] = [wave(12, 7, 0.4), wave(6, 7, 0.9), wave(1, 7, 2.1)]
  const before = tf.memory().numTensors
  for (let i = 0; i < 2; i++) {
    tf.dispose(selfDistillation(student, teacher, center))
    tf.dispose(tf.grad((x: tf.Tensor) => selfDistillation(x as tf.Tensor2D, teacher, center))(student))
    tf.dispose(updateCenter(center, teacher))
  }
  expect(tf.memory().numTensors).toBe(before)
})
