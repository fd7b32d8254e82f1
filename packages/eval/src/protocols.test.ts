import { cases, load } from '@dino/fixtures'
import { stream } from '@dino/random'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { averagePrecision, copyDescriptor, normalizeMasks, propagateMasks, revisitedRetrieval } from './index.js'

const features = (rows: number[][]) => ({
  data: Float32Array.from(rows.flat()),
  rows: rows.length,
  dim: rows[0]!.length,
})

describe('averagePrecision', () => {
  test.each<[number[], number, number]>([
    [[0], 1, 1],
    [[0, 1, 2], 3, 1],
    [[1], 1, (0 / 1 + 1 / 2) / 2],
    [[0, 2], 2, (1 + (1 / 2 + 2 / 3) / 2) / 2],
    [[], 3, 0],
  ])('of ranks %j of %d positives is the mean of the precisions around each', (ranks, positives, expected) => {
    expect(averagePrecision(ranks, positives)).toBeCloseTo(expected, 12)
  })

  test('is NaN where there is nothing to find', () => expect(averagePrecision([], 0)).toBeNaN())

  test('refuses fewer positives than ranks, and ranks that do not rise', () => {
    expect(() => averagePrecision([0, 1], 1)).toThrow('at least as many positives as ranks, got 1 for 2')
    expect(() => averagePrecision([0, 0], 2)).toThrow('rising ranks from 0, got 0 as number 1')
  })
})

describe('revisitedRetrieval', () => {
  // Similarity to the query falls from row 0 to row 4
  const database = features([0, 1, 2, 3, 4].map((i) => [Math.cos(i / 4), Math.sin(i / 4)]))
  const query = features([[1, 0]])

  test('leaves junk out of the ranking: hard images when easy ones are asked for, and the other way round', () => {
    const found = revisitedRetrieval(query, database, [{ easy: [1], hard: [3], junk: [0] }], { at: [1, 3] })
    expect(found.easy.ap).toEqual([100]) // 1 2 4
    expect(found.hard.ap[0]).toBeCloseTo(100 * averagePrecision([1], 1), 10) // 2 3 4
    expect(found.medium.ap[0]).toBeCloseTo(100 * averagePrecision([0, 2], 2), 10) // 1 2 3 4
    expect(found.medium.precisionAt[1]).toBe(100)
    expect(found.medium.precisionAt[3]).toBeCloseTo(200 / 3, 10)
  })

  test('counts no query that has no positive', () => {
    const twice = features([
      [1, 0],
      [1, 0],
    ])
    const found = revisitedRetrieval(twice, database, [
      { easy: [0], hard: [], junk: [] },
      { easy: [], hard: [], junk: [] },
    ])
    expect(found.easy).toMatchObject({ map: 100, ap: [100, Number.NaN] })
    expect(found.hard.map).toBeNaN()
  })

  test('refuses a truth of another set', () => {
    expect(() => revisitedRetrieval(query, database, [])).toThrow('a truth for each query, got 0 for 1')
    expect(() => revisitedRetrieval(query, database, [{ easy: [5], hard: [], junk: [] }])).toThrow(
      'query 0 names row 5, the database has 5',
    )
  })
})

test('copyDescriptor is [CLS] and the generalised mean of the patches', () => {
  const data = Float32Array.from([9, -9, 1, 2, 3, -5]) // [CLS], two patches of two dimensions
  const descriptor = copyDescriptor({ data, images: 1, tokens: 3, dim: 2 }, { p: 2 })
  expect(descriptor).toMatchObject({ rows: 1, dim: 4 })
  expect([...descriptor.data.subarray(0, 2)]).toEqual([9, -9])
  expect(descriptor.data[2]).toBeCloseTo(Math.sqrt((1 + 9) / 2), 6)
  expect(descriptor.data[3]).toBeCloseTo(Math.sqrt(4 / 2), 6) // a negative value counts as next to nothing
  expect(() => copyDescriptor({ data, images: 2, tokens: 3, dim: 2 })).toThrow('got 6 for [2, 3, 2]')
})

interface VideoSettings {
  config: { height: number; width: number; topk: number; neighbourhood: number; temperature: number }
}

test.each(cases<VideoSettings>('video'))('$name: propagateMasks equals PyTorch', (c) => {
  const tensors = load(c)
  const [patches, dim] = tensors['in.target']!.shape as [number, number]
  const [frames, objects] = tensors['in.masks']!.shape as [number, number]
  const context = tensors['in.context']!.data as Float32Array // [n, dim, patches]
  const masks = tensors['in.masks']!.data as Float32Array
  const out = propagateMasks(
    { data: tensors['in.target']!.data as Float32Array, rows: patches, dim },
    Array.from({ length: frames }, (_, n) => {
      const data = Float32Array.from({ length: patches * dim }, (_, i) => {
        return context[(n * dim + (i % dim)) * patches + Math.floor(i / dim)]!
      })
      const own = masks.subarray(n * objects * patches, (n + 1) * objects * patches)
      return { features: { data, rows: patches, dim }, masks: own }
    }),
    c.config,
  )
  for (const [name, actual] of [
    ['out.mask', out],
    ['out.normalised', normalizeMasks(out, objects)],
  ] as const) {
    const expected = tensors[name]!.data as Float32Array
    for (let i = 0; i < expected.length; i++) {
      expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThanOrEqual(c.tolerance as number)
    }
  }
})

describe('propagateMasks', () => {
  const draw = stream(0, 'propagate')
  const size = { height: 3, width: 4 }
  const random = (dim = 5) => ({ data: Float32Array.from({ length: 12 * dim }, () => draw.normal()), rows: 12, dim })

  test('keeps a frame that looks like its context as it is, with one neighbour', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 12, maxLength: 12 }), (objects) => {
        const masks = Float32Array.from({ length: 36 }, (_, i) => Number(objects[i % 12] === Math.floor(i / 12)))
        const frame = random()
        expect(propagateMasks(frame, [{ features: frame, masks }], { ...size, topk: 1 })).toEqual(masks)
      }),
      { numRuns: 20 },
    )
  })

  test('gives shares that add up to 1 over the objects, whatever the context', () => {
    const masks = Float32Array.from({ length: 24 }, (_, i) => (i < 12 ? 1 - (i % 2) : i % 2))
    const context = [random(), random(), random()].map((frame) => ({ features: frame, masks }))
    for (const options of [{}, { topk: 1 }, { topk: 1000 }, { neighbourhood: 1 }, { neighbourhood: 0 }]) {
      const out = propagateMasks(random(), context, { ...size, ...options })
      for (let i = 0; i < 12; i++) expect(out[i]! + out[12 + i]!).toBeCloseTo(1, 5)
    }
  })

  test('refuses what does not fit', () => {
    const masks = new Float32Array(12)
    const frame = random()
    expect(() => propagateMasks(frame, [], size)).toThrow('at least one frame')
    expect(() => propagateMasks(frame, [{ features: random(6), masks }], size)).toThrow(
      'expected context[0].features of [12, 5] for 3 x 4 patches, got [12, 6]',
    )
    expect(() => propagateMasks(frame, [{ features: frame, masks: new Float32Array(13) }], size)).toThrow('12 values')
    expect(() => propagateMasks(frame, [{ features: frame, masks }], { ...size, topk: 0 })).toThrow('topk')
  })
})

test('normalizeMasks stretches each mask, and leaves an empty one alone', () => {
  expect([...normalizeMasks(Float32Array.of(1, 2, 3, 0, 0, 0, 4, 4, 4), 3)]).toEqual([0, 0.5, 1, 0, 0, 0, 0, 0, 0])
})
