import { cases, golden, load } from '@dino/fixtures'
import { permutation, stream } from '@dino/random'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Features, knnClassify } from './index.js'

interface KnnSettings {
  temperature: number
  classes: number
  accuracy: Record<string, [number, number]>
}

test.each(cases<KnnSettings>('knn'))('$name: accuracies equal PyTorch', (c) => {
  const { temperature, classes, accuracy } = c
  const tensors = load(c)
  const rows = (name: string): Features => {
    const { data, shape } = tensors[name]
    return { data: data as Float32Array, rows: shape[0], dim: shape[1] }
  }
  const found = knnClassify({
    train: rows('in.train'),
    trainLabels: tensors['in.train_labels'].data as Int32Array,
    test: rows('in.test'),
    testLabels: tensors['in.test_labels'].data as Int32Array,
    k: Object.keys(accuracy).map(Number),
    temperature,
    classes,
  })
  for (const [k, [top1, top5]] of Object.entries(accuracy)) {
    expect(Math.abs(found[Number(k)].top1 - top1)).toBeLessThanOrEqual(c.tolerance as number)
    expect(Math.abs(found[Number(k)].top5 - top5)).toBeLessThanOrEqual(c.tolerance as number)
  }
})

test('classes rank as the formula says (golden.json)', () => {
  const { train, labels, test, k, T, out } = golden().knn
  for (const [i, { order }] of (out as { order: number[] }[]).entries()) {
    const label = { train: matrix(train), trainLabels: labels, test: matrix([test[i]]), k: [k], temperature: T }
    const [first, second] = order
    expect(knnClassify({ ...label, testLabels: [first] })[k].top1).toBe(100)
    expect(knnClassify({ ...label, testLabels: [second] })[k].top1).toBe(0)
  }
})

describe('knnClassify', () => {
  const sizes = fc.record({
    train: fc.integer({ min: 2, max: 60 }),
    test: fc.integer({ min: 1, max: 30 }),
    classes: fc.integer({ min: 1, max: 7 }),
    k: fc.integer({ min: 1, max: 80 }),
    seed: fc.nat(),
  })

  test('the order of the rows does not matter', () => {
    fc.assert(
      fc.property(sizes, ({ train, test, classes, k, seed }) => {
        const [a, b] = [clouds(train, classes, seed), clouds(test, classes, seed + 1)]
        const before = knnClassify({ ...both(a, b), k: [k], classes })
        const after = knnClassify({ ...both(shuffled(a, seed), shuffled(b, seed)), k: [k], classes })
        expect(after[k].top1).toBeCloseTo(before[k].top1, 9)
        expect(after[k].top5).toBeCloseTo(before[k].top5, 9)
      }),
    )
  })

  test('more neighbours than rows are all rows', () => {
    fc.assert(
      fc.property(sizes, ({ train, test, classes, seed }) => {
        const [a, b] = [clouds(Math.max(train, 5), classes, seed), clouds(test, classes, seed + 1)]
        const rows = a.features.rows
        const { [rows]: all, [10 * rows]: more } = knnClassify({ ...both(a, b), k: [rows, 10 * rows], classes })
        expect(more).toEqual(all)
      }),
    )
  })

  test('a row finds itself: k = 1 on the training set is always right', () => {
    const a = clouds(40, 4, 3)
    expect(knnClassify({ ...both(a, a), k: [1] })[1]).toEqual({ top1: 100, top5: 100 })
  })

  test('one class, and a temperature at which every exp() would overflow, are fine', () => {
    const a = clouds(10, 1, 0)
    expect(knnClassify({ ...both(a, a), temperature: 1e-5 })[200]).toEqual({ top1: 100, top5: 100 })
  })

  test('of equal scores the lower class comes first', () => {
    const train = matrix([
      [1, 0],
      [1, 0],
    ])
    const tied = { train, trainLabels: [2, 1], test: matrix([[1, 0]]), k: [2] }
    expect(knnClassify({ ...tied, testLabels: [1] })[2].top1).toBe(100)
    expect(knnClassify({ ...tied, testLabels: [2] })[2].top1).toBe(0)
  })

  test('labels, k and temperature that make no sense are refused', () => {
    const a = clouds(6, 2, 0)
    expect(() => knnClassify({ ...both(a, a), trainLabels: [0] })).toThrow('each of the 6 train rows, got 1')
    expect(() => knnClassify({ ...both(a, a), classes: 1 })).toThrow('expected train labels from 0 to 0, got 1')
    expect(() => knnClassify({ ...both(a, a), testLabels: [0, 1, 0, -1, 0, 1] })).toThrow('got -1 in row 3')
    expect(() => knnClassify({ ...both(a, a), k: [] })).toThrow('got []')
    expect(() => knnClassify({ ...both(a, a), temperature: 0 })).toThrow('got 0')
  })
})

interface Labelled {
  features: Features
  labels: Int32Array
}

function both(train: Labelled, test: Labelled) {
  return { train: train.features, trainLabels: train.labels, test: test.features, testLabels: test.labels }
}

/** Overlapping clouds, one a class. */
function clouds(rows: number, classes: number, seed: number): Labelled {
  const draws = stream(seed, 'clouds')
  const dim = 5
  const labels = Int32Array.from({ length: rows }, (_, i) => i % classes)
  const data = Float32Array.from({ length: rows * dim }, (_, i) => {
    return draws.normal() + (i % dim === labels[Math.floor(i / dim)] % dim ? 1 : 0)
  })
  return { features: { data, rows, dim }, labels }
}

function shuffled({ features: { data, rows, dim }, labels }: Labelled, seed: number): Labelled {
  const order = [...permutation(rows, seed, 0)]
  return {
    features: { data: Float32Array.from(order.flatMap((i) => [...data.subarray(i * dim, (i + 1) * dim)])), rows, dim },
    labels: Int32Array.from(order, (i) => labels[i]),
  }
}

function matrix(values: number[][]): Features {
  return { data: Float32Array.from(values.flat()), rows: values.length, dim: values[0].length }
}
