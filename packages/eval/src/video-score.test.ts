import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contourAccuracy, frameScore, labelPixels, meanScore, normalizeMasks, videoScore } from './index.js'

/** Rows of digits as a label map. */
const picture = (...rows: string[]) => Uint8Array.from(rows.join(''), Number)
const square = (size: number, left: number, top: number, side: number) =>
  Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [(i % size) - left, Math.floor(i / size) - top]
    return Number(x >= 0 && x < side && y >= 0 && y < side)
  })

describe('contourAccuracy', () => {
  const mask = (width: number, height: number) =>
    fc.uint8Array({ minLength: width * height, maxLength: width * height, max: 1 })
  const masks = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      a: mask(width, height),
      b: mask(width, height),
    }),
  )

  test('is 1 of a mask and itself, the same both ways round, and grows with the bound', () => {
    fc.assert(
      fc.property(masks, fc.integer({ min: 1, max: 4 }), ({ a, b, ...size }, bound) => {
        expect(contourAccuracy(a, a, size)).toBe(1)
        const accuracy = contourAccuracy(a, b, { ...size, bound })
        expect(contourAccuracy(b, a, { ...size, bound })).toBeCloseTo(accuracy, 12)
        expect(contourAccuracy(a, b, { ...size, bound: bound + 1 })).toBeGreaterThanOrEqual(accuracy)
        expect(accuracy).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('counts the pixels within the bound of the other contour', () => {
    // A vertical edge: its contour is column 2, all five rows (the last row looks to the right).
    const edge = Uint8Array.from({ length: 50 }, (_, i) => Number(i % 10 > 2))
    // The same, two pixels further in the upper three rows: column 4 there; column 2 in the others, and where it steps, in row 2, 2 to 4.
    const bent = Uint8Array.from({ length: 50 }, (_, i) => Number(i % 10 > (i < 30 ? 4 : 2)))
    const size = { width: 10, height: 5 }
    expect(contourAccuracy(edge, bent, { ...size, bound: 2 })).toBe(1)
    // bent has 7 pixels of contour: (4, 0) (4, 1), (2..4, 2), (2, 3) (2, 4). Within 1 of column 2: (2, 2) (3, 2) (2, 3) (2, 4).
    // edge has 5: rows 2 to 4 are on bent's contour, row 1 is below 1 away from (2, 2), row 0 has nothing near.
    const [precision, recall] = [4 / 7, 4 / 5]
    const expected = (2 * precision * recall) / (precision + recall)
    expect(contourAccuracy(bent, edge, { ...size, bound: 1 })).toBeCloseTo(expected, 12)
  })

  test('takes a disk, not a square: a corner that is one away in both directions is out of reach of 1', () => {
    const [a, b] = [new Uint8Array(25), new Uint8Array(25)]
    a[0] = 1 // contour: pixel (0, 0) alone
    b[6] = 1 // contour: (0, 0), (1, 0), (0, 1), (1, 1)
    const size = { width: 5, height: 5 }
    expect(contourAccuracy(a, b, { ...size, bound: 1 })).toBeCloseTo((2 * (3 / 4)) / (1 + 3 / 4), 12)
    expect(contourAccuracy(a, b, { ...size, bound: 1.5 })).toBe(1)
  })

  test('allows 0.008 of the diagonal, rounded up: 1 pixel of 100 x 50, 2 of 150 x 120', () => {
    const line = (width: number, height: number, x: number) =>
      Uint8Array.from({ length: width * height }, (_, i) => Number(i % width > x))
    for (const [width, height, reach] of [
      [100, 50, 1],
      [150, 120, 2],
    ] as const) {
      const size = { width, height }
      expect(contourAccuracy(line(width, height, 20), line(width, height, 20 + reach), size)).toBe(1)
      expect(contourAccuracy(line(width, height, 20), line(width, height, 21 + reach), size)).toBe(0)
    }
  })

  test('of masks without a contour is 1, of one with and one without 0', () => {
    const size = { width: 8, height: 8 }
    const [none, all, some] = [new Uint8Array(64), new Uint8Array(64).fill(1), square(8, 2, 2, 3)]
    expect(contourAccuracy(none, all, size)).toBe(1)
    expect(contourAccuracy(none, some, size)).toBe(0)
    expect(contourAccuracy(some, all, size)).toBe(0)
  })

  test('refuses masks of another size', () => {
    expect(() => contourAccuracy(new Uint8Array(5), new Uint8Array(6), { width: 3, height: 2 })).toThrow(
      'expected masks of 3 x 2 pixels, got 5 values',
    )
  })
})

test('frameScore measures each object apart: what is taken for another object is missing from both', () => {
  const truth = picture('1122', '1122', '0000')
  const labels = picture('1112', '1112', '0000')
  const { region, contour } = frameScore(labels, truth, { width: 4, height: 3, objects: 3 })
  expect(region).toEqual([4 / 6, 2 / 4, 1]) // the third is in neither
  expect(contour[0]).toBeGreaterThan(0.5)
  expect(contour[2]).toBe(1)
  expect(frameScore(truth, truth, { width: 4, height: 3, objects: 2 })).toEqual({ region: [1, 1], contour: [1, 1] })
})

describe('videoScore', () => {
  const scores = (values: number[]) => videoScore(values.map((value) => ({ region: [value], contour: [1 - value] })))

  test('gives mean, recall above a half, and decay from the first quarter to the last', () => {
    const [{ region, contour }] = scores([1, 0.9, 0.5, 0.6, 0.2]) as [ReturnType<typeof videoScore>[number]]
    expect(region.mean).toBeCloseTo(0.64, 12)
    expect(region.recall).toBeCloseTo(3 / 5, 12) // 0.5 is not above a half
    expect(region.decay).toBeCloseTo((1 + 0.9) / 2 - (0.6 + 0.2) / 2, 12) // quarters of 5 frames are 2 frames, ends shared
    expect(contour.decay).toBeCloseTo(-region.decay, 12)
  })

  test('cuts quarters where the official evaluation does', () => {
    // numpy.linspace(1, n, 5), a half rounded up: 8 frames are 1 3 5 6 8, so the first quarter has 3 frames and so has the last
    const [{ region }] = scores([1, 1, 1, 0, 0, 0.5, 0.5, 0.5]) as [ReturnType<typeof videoScore>[number]]
    expect(region.decay).toBeCloseTo(0.5, 12)
    const [{ region: one }] = scores([0.7]) as [ReturnType<typeof videoScore>[number]]
    expect(one).toEqual({ mean: 0.7, recall: 1, decay: 0 })
  })

  test('is averaged over objects, and J&F over both measures', () => {
    const objects = videoScore([
      { region: [0.8, 0.4], contour: [0.6, 0.2] },
      { region: [0.8, 0.4], contour: [0.6, 0.2] },
    ])
    const overall = meanScore(objects)
    expect(overall.region.mean).toBeCloseTo(0.6, 12)
    expect(overall.region.recall).toBe(0.5)
    expect(overall.contour.mean).toBeCloseTo(0.4, 12)
    expect(overall.mean).toBeCloseTo(0.5, 12)
  })

  test('refuses no frames, and frames of different objects', () => {
    expect(() => videoScore([])).toThrow('at least one frame')
    expect(() =>
      videoScore([
        { region: [1], contour: [1] },
        { region: [], contour: [] },
      ]),
    ).toThrow('the same 1 objects')
  })
})

describe('labelPixels', () => {
  test('gives each pixel the object with the largest mask there, once all reach up to 1', () => {
    // Two patches; the second object is weak, but stretched it wins where it is strongest.
    const masks = Float32Array.of(0.9, 0.7, 0.1, 0.3)
    expect([...labelPixels(masks, { height: 1, width: 2, patchSize: 2 })]).toEqual([0, 0, 1, 1, 0, 0, 1, 1])
  })

  test('of patches of one pixel is the largest of the normalised masks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 24, maxLength: 24 }), (values) => {
        const masks = Float32Array.from(values, (value) => value / 50)
        const normalised = normalizeMasks(masks, 3)
        const expected = Array.from({ length: 8 }, (_, i) => {
          const at = [0, 1, 2].map((object) => normalised[object * 8 + i]!)
          return at.indexOf(Math.max(...at))
        })
        expect([...labelPixels(masks, { height: 2, width: 4, patchSize: 1 })]).toEqual(expected)
      }),
    )
  })

  test('cuts between two patches where the enlarged masks cross, a quarter past the middle of this one', () => {
    // Along x the masks are 1 0 0 and 0 1 1, enlarged by 4: they cross halfway between the centres at 1.5 and 5.5.
    const labels = labelPixels(Float32Array.of(1, 0, 0, 0, 1, 1), { height: 1, width: 3, patchSize: 4 })
    expect([...labels.subarray(0, 12)]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
  })

  test('refuses what is no number of masks', () => {
    expect(() => labelPixels(new Float32Array(7), { height: 2, width: 2, patchSize: 2 })).toThrow('got 7 values')
  })
})
