import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import {
  type Diagnostics,
  diagnosticMeans,
  diagnostics,
  fromMeans,
  selfDistillation,
  targetDiagnosticMeans,
} from './index.js'

const [B, V, K] = [4, 5, 32]
const lnK = Math.log(K)
const center: tf.Tensor2D = tf.zeros([1, K])
const read = (measures: Diagnostics) => {
  const entries = Object.entries(measures) as [keyof Diagnostics, tf.Scalar][]
  return Object.fromEntries(entries.map(([name, scalar]) => [name, scalar.dataSync()[0]])) as Record<
    keyof Diagnostics,
    number
  >
}
const noise = (rows: number, frequency: number) =>
  tf.reshape(tf.sin(tf.mul(tf.square(tf.range(1, rows * K + 1)), frequency)), [rows, K]) as tf.Tensor2D

test('a collapse to uniform outputs shows as entropy ln K, KL 0 and one prototype', () => {
  const measures = read(diagnostics(tf.zeros([V * B, K]), tf.zeros([2 * B, K]), center))
  expect(measures.teacherEntropy).toBeCloseTo(lnK, 5)
  expect(measures.studentEntropy).toBeCloseTo(lnK, 5)
  expect(measures.kl).toBeCloseTo(0, 5)
  expect(measures.usedPrototypes).toBe(1)
  expect(measures.largestShare).toBeCloseTo(1 / K, 6)
})

test('a collapse to one prototype shows as entropy 0, KL 0 and a share of 1', () => {
  const peak = tf.mul(tf.oneHot(tf.fill([V * B], 3, 'int32'), K), 20) as tf.Tensor2D
  const measures = read(diagnostics(peak, tf.slice(peak, [0, 0], [2 * B, K]), center))
  expect(measures.teacherEntropy).toBeCloseTo(0, 5)
  expect(measures.studentEntropy).toBeCloseTo(0, 5)
  expect(measures.kl).toBeCloseTo(0, 5)
  expect(measures.usedPrototypes).toBe(1)
  expect(measures.largestShare).toBeCloseTo(1, 5)
})

test('random outputs show as neither', () => {
  const measures = read(diagnostics(noise(V * B, 0.37), noise(2 * B, 0.71), center))
  expect(measures.teacherEntropy).toBeGreaterThan(0.05 * lnK)
  expect(measures.teacherEntropy).toBeLessThan(0.95 * lnK)
  expect(measures.kl).toBeGreaterThan(0.5)
  expect(measures.usedPrototypes).toBeGreaterThan(2)
  expect(measures.largestShare).toBeLessThan(0.8)
})

test('the loss is the teacher entropy and the KL', () => {
  const [student, teacher, own] = [noise(V * B, 0.37), noise(2 * B, 0.71), tf.mul(noise(1, 0.2), 0.3) as tf.Tensor2D]
  const options = { studentTemp: 0.2, teacherTemp: tf.scalar(0.07) }
  const { teacherEntropy, kl } = read(diagnostics(student, teacher, own, options))
  expect(teacherEntropy + kl).toBeCloseTo(selfDistillation(student, teacher, own, options).dataSync()[0], 5)
})

test('prototypes in use are counted after centering, each once', () => {
  const used = (rows: number[], centre = center) => {
    const teacher = tf.cast(tf.oneHot(tf.tensor1d(rows, 'int32'), K), 'float32') as tf.Tensor2D
    return read(diagnostics(tf.zeros([rows.length, K]), teacher, centre)).usedPrototypes
  }
  expect(used([0, 1, 2, 3, 4, 5, 6, 7])).toBe(8)
  expect(used([5, 5, 5, 5, 9, 9, 31, 5])).toBe(3)
  const strong = tf.tensor2d([Array.from({ length: K }, (_, k) => (k === 9 ? -2 : 0))]) // 9 wins in every row
  expect(used([5, 5, 5, 5, 9, 9, 31, 5], strong)).toBe(1)
})

test('shapes that do not fit are refused, and nothing leaks', () => {
  expect(() => diagnostics(tf.zeros([20, K]), tf.zeros([8, K]), tf.zeros([1, 3]))).toThrow(
    'diagnostics: expected center',
  )
  expect(() => diagnostics(tf.zeros([20, K]), tf.zeros([8, K]), center, { teacherTemp: 0 })).toThrow('got 0')
  const [student, teacher] = [noise(V * B, 0.37), noise(2 * B, 0.71)]
  const before = tf.memory().numTensors
  tf.dispose(Object.values(diagnostics(student, teacher, center)))
  expect(tf.memory().numTensors).toBe(before)
})

test('the means of two halves of a batch give the diagnostics of the whole', () => {
  const [student, teacher] = [noise(V * B, 0.37), noise(2 * B, 0.71)]
  const half = (rows: tf.Tensor2D, first: number) =>
    tf.reshape(tf.slice(tf.reshape(rows, [-1, B, K]), [0, first, 0], [-1, B / 2, K]), [-1, K]) as tf.Tensor2D
  const parts = [0, B / 2].map((first) => diagnosticMeans(half(student, first), half(teacher, first), center))
  const names = ['teacherEntropy', 'studentEntropy', 'kl', 'share', 'votes'] as const
  const sums = names.map((name) => [name, tf.div(tf.add(parts[0]![name], parts[1]![name]), 2)] as const)
  const halves = read(fromMeans(Object.fromEntries(sums) as never))
  const whole = read(diagnostics(student, teacher, center))
  for (const name of Object.keys(whole) as (keyof Diagnostics)[]) expect(halves[name]).toBeCloseTo(whole[name]!, 5)
})

test('targets made in another way are measured alike; a target of exactly 0 counts as nothing', () => {
  const [student, teacher] = [noise(V * B, 0.37), noise(2 * B, 0.71)]
  const targets = tf.softmax(tf.div(teacher, 0.5)) as tf.Tensor2D
  const expected = read(diagnostics(student, teacher, center, { teacherTemp: 0.5 }))
  const actual = read(fromMeans(targetDiagnosticMeans(student, targets)))
  for (const name of Object.keys(expected) as (keyof Diagnostics)[]) expect(actual[name]).toBeCloseTo(expected[name], 4)
  const oneHot = tf.cast(tf.oneHot(tf.fill([2 * B], 1, 'int32'), K), 'float32') as tf.Tensor2D
  expect(read(fromMeans(targetDiagnosticMeans(student, oneHot))).teacherEntropy).toBeCloseTo(0, 6)
})
