import '@tensorflow/tfjs'
import { largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  infoNce,
  initQueue,
  meanSquaredError,
  outputSpread,
  sinkhornKnopp,
  softmaxOverBatch,
  swappedPrediction,
  updateQueue,
} from './index.js'

type Rows = number[][]
const value = (scalar: tf.Tensor) => scalar.dataSync()[0]!
const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
const unit = (a: number[]) => a.map((x) => x / Math.sqrt(dot(a, a)))
/** Which pairs (teacher's view, student's view) there are. */
const pairsOf = (V: number, symmetric: boolean) =>
  [0, 1].flatMap((i) =>
    Array.from({ length: V }, (_, v): [number, number] => [i, v]).filter(([i, v]) => v !== i && (symmetric || i === 1)),
  )

const outputs = (low: number, high: number) =>
  fc
    .record({ V: fc.integer({ min: 2, max: 5 }), B: fc.integer({ min: 1, max: 4 }), D: fc.integer({ min: 2, max: 6 }) })
    .chain(({ V, B, D }) => {
      // Away from zero vectors, whose direction is not defined.
      const row = fc
        .array(fc.double({ min: low, max: high, noNaN: true }), { minLength: D, maxLength: D })
        .filter((row) => dot(row, row) > 0.01)
      const rows = (count: number) => fc.array(row, { minLength: count, maxLength: count })
      return fc.record({
        student: rows(V * B),
        teacher: rows(2 * B),
        queue: rows(7),
        V: fc.constant(V),
        B: fc.constant(B),
      })
    })

test('by hand: at unit length, (3, 4) and (0, 2) are 0.8 apart; right angles cost 2, opposite directions 4', () => {
  const loss = (student: Rows, teacher: Rows) => value(meanSquaredError(tf.tensor2d(student), tf.tensor2d(teacher)))
  // One image, two views: student (3, 4), (0, 1); teacher (5, 0), (0, 2). Pairs: t0 with s1, 2 - 2 · 0; t1 with s0, 2 - 2 · 0.8.
  expect(loss([[3, 4], [0, 1]], [[5, 0], [0, 2]])).toBeCloseTo((2 + 0.4) / 2, 6) // biome-ignore format: rows side by side
  expect(loss([[1, 0], [0, 1]], [[0, 9], [-2, 0]])).toBeCloseTo((0 + 4) / 2 + (0 * 1) / 2, 5) // biome-ignore format: rows side by side
})

test('the squared error is that of unit vectors, pair by pair, for any number of views', () => {
  fc.assert(
    fc.property(outputs(-3, 3), fc.boolean(), ({ student, teacher, V, B }, symmetric) => {
      const terms = pairsOf(V, symmetric).flatMap(([i, v]) =>
        Array.from({ length: B }, (_, b) => {
          const [s, t] = [unit(student[v * B + b]!), unit(teacher[i * B + b]!)]
          return s.reduce((sum, x, d) => sum + (x - t[d]!) ** 2, 0)
        }),
      )
      const expected = terms.reduce((a, b) => a + b, 0) / terms.length
      const actual = meanSquaredError(tf.tensor2d(student), tf.tensor2d(teacher), { symmetric })
      expect(Math.abs(value(actual) - expected)).toBeLessThan(1e-5)
    }),
  )
})

test('by hand: a key at right angles in the queue, and an own key of the same direction, cost ln(1 + exp(-1 / τ))', () => {
  const student = tf.tensor2d([[2, 0], [3, 0]]) // biome-ignore format: rows side by side
  const teacher = tf.tensor2d([[1, 0], [5, 0]]) // biome-ignore format: rows side by side
  const queue = tf.tensor2d([[0, 1]])
  expect(value(infoNce(student, teacher, queue, { temperature: 0.2 }))).toBeCloseTo(Math.log1p(Math.exp(-5)), 6)
  expect(value(infoNce(student, teacher, queue, { temperature: 1 }))).toBeCloseTo(Math.log1p(Math.exp(-1)), 6)
})

test('the contrastive loss is the cross-entropy of finding the own key among the queue, pair by pair', () => {
  fc.assert(
    fc.property(
      outputs(-3, 3),
      fc.boolean(),
      fc.double({ min: 0.1, max: 1, noNaN: true }),
      ({ student, teacher, queue, V, B }, symmetric, temperature) => {
        const negatives = queue.map(unit)
        const terms = pairsOf(V, symmetric).flatMap(([i, v]) =>
          Array.from({ length: B }, (_, b) => {
            const q = unit(student[v * B + b]!)
            const logits = [unit(teacher[i * B + b]!), ...negatives].map((key) => dot(q, key) / temperature)
            const largest = Math.max(...logits)
            return largest + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - largest), 0)) - logits[0]!
          }),
        )
        const expected = terms.reduce((a, b) => a + b, 0) / terms.length
        const actual = infoNce(tf.tensor2d(student), tf.tensor2d(teacher), tf.tensor2d(negatives), {
          symmetric,
          temperature,
        })
        expect(Math.abs(value(actual) - expected)).toBeLessThan(2e-4 * Math.max(1, expected))
      },
    ),
  )
})

test('a new queue tells nothing apart: the loss of a random network is about ln(M + 1) at a high temperature', () => {
  const queue = initQueue(1000, 16, 0)
  const loss = infoNce(initQueue(8, 16, 1), initQueue(8, 16, 2), queue, { temperature: 10 })
  expect(value(loss)).toBeCloseTo(Math.log(1001), 1)
  expect([...initQueue(3, 4, 5).dataSync()]).toEqual([...initQueue(3, 4, 5).dataSync()])
})

test('the queue takes the newest keys in front, at unit length, and forgets the oldest', () => {
  const queue = tf.tensor2d([[1, 0], [0, 1], [-1, 0]]) // biome-ignore format: rows side by side
  expect(updateQueue(queue, tf.tensor2d([[0, -7]])).arraySync()).toEqual([[0, -1], [1, 0], [0, 1]]) // biome-ignore format: rows side by side
  expect(updateQueue(queue, tf.tensor2d([[3, 0], [0, 2], [0, 1]])).arraySync()).toEqual([[1, 0], [0, 1], [0, 1]]) // biome-ignore format: rows side by side
  expect(() => updateQueue(queue, tf.ones([4, 2]))).toThrow('at most as many keys as the queue holds, 3, got 4')
  expect(() => updateQueue(queue, tf.ones([1, 3]))).toThrow('a queue of keys [M,3], got [3,2]')
})

test('one query and one key an image: the keys of the second view alone go into the queue, two steps by hand', () => {
  const symmetric = false
  const start = tf.tensor2d([[1, 0], [0, 1], [-1, 0]]) // biome-ignore format: rows side by side
  // Two images; view by view. (3, 4) / 5 and (0, -2) / 2 are keys, what the first view gives is not.
  const first = updateQueue(start, tf.tensor2d([[7, 0], [0, 7], [3, 4], [0, -2]]), { symmetric }) // biome-ignore format: rows side by side
  expect(largestDifference(first.dataSync(), [0.6, 0.8, 0, -1, 1, 0])).toBeLessThan(1e-6)
  const second = updateQueue(first, tf.tensor2d([[1, 1], [1, 1], [-5, 0], [8, -6]]), { symmetric }) // biome-ignore format: rows side by side
  expect(largestDifference(second.dataSync(), [-1, 0, 0.8, -0.6, 0.6, 0.8])).toBeLessThan(1e-6)
  expect(() => updateQueue(start, tf.ones([8, 2]), { symmetric })).toThrow('queue holds, 3, got 4')
  expect(() => updateQueue(start, tf.ones([3, 2]), { symmetric })).toThrow('rows of two views, [2B,2], got [3,2]')
})

// biome-ignore format: rows side by side
test('by hand: SwAV on two images and two prototypes, with codes of three rounds in each view', () => {
  const scores = (temperature: number, exponentials: Rows) =>
    tf.tensor2d(exponentials.map((row) => row.map((x) => temperature * Math.log(x))))
  // exp(scores / ε), ε = .05. Three rounds of 3 1 | 1 1 are 45/71 26/71 | 15/41 26/41 (see sinkhorn.test.ts);
  // of 1 2 | 2 1 both columns sum to 3, and rows then to 1: 1/3 2/3 | 2/3 1/3 from the first round on.
  const teacher = scores(0.05, [[3, 1], [1, 1], [1, 2], [2, 1]])
  // exp(scores / τ), τ = .1. Predictions of view 0 are 1/4 3/4 | 1/2 1/2, of view 1 4/5 1/5 | 1/3 2/3.
  const views = [[1, 3], [1, 1], [4, 1], [1, 2]]
  // The first view's codes with the second view's predictions, and the other way round:
  // -(45/71 ln 4/5 + 26/71 ln 1/5) = .730801; -(15/41 ln 1/3 + 26/41 ln 2/3) = .659055
  // -(1/3 ln 1/4 + 2/3 ln 3/4) = .653886; -(2/3 ln 1/2 + 1/3 ln 1/2) = ln 2 = .693147
  const swapped = 0.730801 + 0.659055 + 0.653886 + Math.LN2
  expect(value(swappedPrediction(scores(0.1, views), teacher))).toBeCloseTo(swapped / 4, 5)
  // A local view that cannot choose costs ln 2 for each of the four codes.
  expect(value(swappedPrediction(scores(0.1, [...views, [1, 1], [1, 1]]), teacher))).toBeCloseTo((swapped + 4 * Math.LN2) / 8, 5)
})

test('the code of one view is predicted from the others: cross-entropies of each view assigned by itself', () => {
  fc.assert(
    fc.property(outputs(-1, 1), ({ student, teacher, V, B }) => {
      const settings = { epsilon: 0.3, temperature: 0.4, iterations: 2 }
      const codes = [0, 1].map((i) =>
        sinkhornKnopp(tf.tensor2d(teacher.slice(i * B, (i + 1) * B)), { teacherTemp: 0.3, iterations: 2 }).arraySync(),
      )
      const terms = pairsOf(V, true).flatMap(([i, v]) =>
        Array.from({ length: B }, (_, b) => {
          const logits = student[v * B + b]!.map((x) => x / 0.4)
          const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0))
          return codes[i]![b]!.reduce((sum, p, k) => sum - p * (logits[k]! - total), 0)
        }),
      )
      const expected = terms.reduce((a, b) => a + b, 0) / terms.length
      const actual = swappedPrediction(tf.tensor2d(student), tf.tensor2d(teacher), settings)
      expect(Math.abs(value(actual) - expected)).toBeLessThan(1e-4)
    }),
    { numRuns: 50 },
  )
})

test('a softmax over the batch is what the paper writes: each column by its sum, then each row by its own', () => {
  const x = tf.tensor2d([[0.1, 0.4, -0.2], [0.3, 0, 0.2]]) // biome-ignore format: rows side by side
  const columns = tf.softmax(tf.transpose(tf.div(x, 0.5))) // over the batch
  const expected = tf.div(tf.transpose(columns), tf.sum(columns, 0).reshape([2, 1]))
  const actual = softmaxOverBatch(x, { teacherTemp: 0.5 })
  expect(largestDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-6)
  expect(actual.dataSync()[0]).toBeCloseTo(0.2863832, 6) // golden.json
})

test('no gradient reaches the teacher, the codes or the queue', () => {
  const student = initQueue(6, 4, 0)
  const teacher = initQueue(4, 4, 1)
  const queue = initQueue(9, 4, 2)
  const losses = {
    mse: (s: tf.Tensor, t: tf.Tensor) => meanSquaredError(s as tf.Tensor2D, t as tf.Tensor2D),
    swav: (s: tf.Tensor, t: tf.Tensor) => swappedPrediction(s as tf.Tensor2D, t as tf.Tensor2D),
    infoNce: (s: tf.Tensor, t: tf.Tensor, q: tf.Tensor) =>
      infoNce(s as tf.Tensor2D, t as tf.Tensor2D, q as tf.Tensor2D),
  }
  for (const loss of [losses.mse, losses.infoNce]) {
    const [s, t, q] = tf.grads((s, t, q) => loss(s, t, q) as tf.Scalar)([student, teacher, tf.mul(queue, 1)].slice(0, loss === losses.mse ? 2 : 3) as tf.Tensor[]) // biome-ignore format: one call
    expect(value(tf.max(tf.abs(s!)))).toBeGreaterThan(0)
    expect(value(tf.max(tf.abs(t!)))).toBe(0)
    if (q) expect(value(tf.max(tf.abs(q)))).toBe(0)
  }
  // Codes are not reached at all, for which TensorFlow.js has no 0: a sum beside them has a slope of 1.
  const [s, t] = tf.grads((s, t) => tf.add(losses.swav(s, t), tf.sum(t)))([student, teacher])
  expect(value(tf.max(tf.abs(s!)))).toBeGreaterThan(0)
  expect(value(tf.max(tf.abs(tf.sub(t!, 1))))).toBe(0)
})

test('gradients are those of finite differences', () => {
  const teacher = initQueue(4, 3, 1)
  const queue = initQueue(5, 3, 2)
  const student = tf.mul(initQueue(6, 3, 3), 1.7) as tf.Tensor2D
  for (const loss of [
    (s: tf.Tensor2D) => meanSquaredError(s, teacher),
    (s: tf.Tensor2D) => infoNce(s, teacher, queue, { symmetric: false }),
    (s: tf.Tensor2D) => swappedPrediction(s, teacher, { epsilon: 0.5, temperature: 0.5 }),
  ]) {
    const gradient = tf
      .grad((s) => loss(s as tf.Tensor2D))(student)
      .dataSync()
    const at = student.dataSync()
    for (const i of [0, 4, 11, 17]) {
      const moved = (by: number) =>
        value(
          loss(
            tf.tensor2d(
              at.map((x, j) => (j === i ? x + by : x)),
              [6, 3],
            ),
          ),
        )
      expect(Math.abs((moved(0.01) - moved(-0.01)) / 0.02 - gradient[i]!)).toBeLessThan(2e-3)
    }
  }
})

test('outputs that all point one way have no spread, even ones have spread 1', () => {
  expect(value(outputSpread(tf.tensor2d([[1, 2, 3], [2, 4, 6], [3, 6, 9]])))).toBeCloseTo(0, 6) // biome-ignore format: rows side by side
  expect(value(outputSpread(initQueue(4000, 32, 0)))).toBeCloseTo(1, 2)
})

test('settings that make no sense are refused, and nothing leaks', () => {
  const [student, teacher, queue] = [initQueue(4, 3, 0), initQueue(4, 3, 1), initQueue(5, 3, 2)]
  const before = tf.memory().numTensors
  expect(() => infoNce(student, teacher, queue, { temperature: 0 })).toThrow('temperature above 0, got 0')
  expect(() => meanSquaredError(tf.ones([3, 3]), teacher)).toThrow('at least two views of 2 images')
  expect(() => initQueue(0, 3, 0)).toThrow('size to be a whole number of 1 or more, got 0')
  tf.dispose([
    infoNce(student, teacher, queue),
    meanSquaredError(student, teacher),
    swappedPrediction(student, teacher),
    updateQueue(queue, teacher),
    updateQueue(queue, teacher, { symmetric: false }),
    outputSpread(teacher),
  ])
  expect(tf.memory().numTensors).toBe(before + 1) // the input of the refused call
})
