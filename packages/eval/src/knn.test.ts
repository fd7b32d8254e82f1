import { cases, golden, load } from '@dino/fixtures'
import { permutation, stream } from '@dino/random'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Features, fewShot, knnClassify, nearest } from './index.js'

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

  test('leaving one out equals classifying each row by a set without it', () => {
    fc.assert(
      fc.property(sizes, ({ train, classes, k, seed }) => {
        const { features, labels } = clouds(train, classes, seed)
        const shared = { k: [k], classes }
        const found = knnClassify({ train: features, trainLabels: labels, leaveOneOut: true, ...shared })[k]
        let right = 0
        for (let row = 0; row < train; row++) {
          const others = [...Array(train).keys()].filter((other) => other !== row)
          const [rest, one] = [rowsOf({ features, labels }, others), rowsOf({ features, labels }, [row])]
          right += knnClassify({ ...both(rest, one), ...shared })[k].top1 / 100
        }
        expect(found.top1).toBeCloseTo((100 * right) / train, 9)
      }),
      { numRuns: 20 },
    )
  })

  test('classes of their own scores add up to the whole, and tell what they are taken for', () => {
    const train = matrix([
      [1, 0],
      [0, 1],
      [-1, 0],
    ])
    // Class 0: one right, two taken for 2, one for 1. Class 2: right. Class 1 does not ask.
    const test = matrix([
      [1, 0.1],
      [-1, 0.1],
      [-1, 0],
      [0, 1],
      [-1, 0.2],
    ])
    const asked = { train, trainLabels: [0, 1, 2], test, testLabels: [0, 0, 0, 0, 2], k: [1] }
    const { top1, top5, perClass } = knnClassify({ ...asked, perClass: true })[1]
    expect({ top1, top5 }).toEqual(knnClassify(asked)[1])
    expect(top1).toBe(40)
    expect(perClass).toEqual([
      { class: 0, support: 4, top1: 25, top5: 25, confusedWith: { class: 2, rows: 2 } },
      { class: 2, support: 1, top1: 100, top5: 100 },
    ])
  })

  test('neighbours that are known already give the same accuracy, and too few are refused', () => {
    const [a, b] = [clouds(30, 3, 1), clouds(9, 3, 2)]
    const neighbours = nearest(b.features, a.features, 25)
    const options = { ...both(a, b), k: [3, 20] }
    expect(knnClassify({ ...options, neighbours })).toEqual(knnClassify(options))
    expect(() => knnClassify({ ...options, k: [40], neighbours })).toThrow('expected 30 neighbours of each of 9 rows')
  })

  test('labels, k and temperature that make no sense are refused', () => {
    const a = clouds(6, 2, 0)
    expect(() => knnClassify({ ...both(a, a), trainLabels: [0] })).toThrow('each of the 6 train rows, got 1')
    expect(() => knnClassify({ ...both(a, a), classes: 1 })).toThrow('expected train labels from 0 to 0, got 1')
    expect(() => knnClassify({ ...both(a, a), testLabels: [0, 1, 0, -1, 0, 1] })).toThrow('got -1 in row 3')
    expect(() => knnClassify({ ...both(a, a), k: [] })).toThrow('got []')
    expect(() => knnClassify({ ...both(a, a), temperature: 0 })).toThrow('got 0')
    expect(() => knnClassify({ ...both(a, a), leaveOneOut: true })).toThrow('leaveOneOut without them')
    expect(() => knnClassify({ train: a.features, trainLabels: a.labels })).toThrow('expected test and testLabels')
    const one = { train: matrix([[1]]), trainLabels: [0] }
    expect(() => knnClassify({ ...one, leaveOneOut: true })).toThrow('needs two train rows')
  })
})

describe('fewShot', () => {
  const labels = fc.array(fc.integer({ min: -1, max: 4 }), { minLength: 1, maxLength: 80 })

  test('takes so many rows of each class, or all of a smaller one', () => {
    fc.assert(
      fc.property(labels, fc.integer({ min: 1, max: 30 }), fc.nat(), (labels, shots, seed) => {
        const rows = [...fewShot(labels, { shots }, seed)]
        expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b))
        for (let label = -1; label <= 4; label++) {
          const there = labels.filter((each) => each === label).length
          const taken = rows.filter((row) => labels[row] === label).length
          expect(taken).toBe(label < 0 ? 0 : Math.min(shots, there))
        }
      }),
    )
  })

  test('more shots of one seed keep the rows of fewer; another seed draws others', () => {
    const many = Array.from({ length: 300 }, (_, i) => i % 3)
    const [five, ten] = [fewShot(many, { shots: 5 }, 1), fewShot(many, { shots: 10 }, 1)]
    expect([...ten]).toEqual(expect.arrayContaining([...five]))
    expect(fewShot(many, { shots: 5 }, 1)).toEqual(five)
    expect(fewShot(many, { shots: 5 }, 2)).not.toEqual(five)
  })

  test('a fraction is one of each class, and of a small class still a row', () => {
    const uneven = [...Array(100).fill(0), ...Array(50).fill(1), 2]
    const taken = [...fewShot(uneven, { fraction: 0.1 }, 0)].map((row) => uneven[row])
    expect([0, 1, 2].map((label) => taken.filter((each) => each === label).length)).toEqual([10, 5, 1])
    expect(fewShot(uneven, { fraction: 1 }, 0)).toHaveLength(151)
  })

  test('no shots and no share of a set are refused', () => {
    expect(() => fewShot([0], { shots: 0 }, 0)).toThrow('shots to be a whole number of 1 or more, got 0')
    expect(() => fewShot([0], { fraction: 1.5 }, 0)).toThrow('above 0 and up to 1, got 1.5')
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

function rowsOf({ features: { data, dim }, labels }: Labelled, rows: number[]): Labelled {
  const chosen = Float32Array.from(rows.flatMap((row) => [...data.subarray(row * dim, (row + 1) * dim)]))
  return { features: { data: chosen, rows: rows.length, dim }, labels: Int32Array.from(rows, (row) => labels[row]) }
}

function shuffled({ features: { data, rows, dim }, labels }: Labelled, seed: number): Labelled {
  return rowsOf({ features: { data, rows, dim }, labels }, [...permutation(rows, seed, 0)])
}

function matrix(values: number[][]): Features {
  return { data: Float32Array.from(values.flat()), rows: values.length, dim: values[0].length }
}
