import { stream } from '@dino/random'
import { describe, expect, test } from 'vitest'
import { applyWhitening, copyDetection, type Features, learnWhitening } from './index.js'

const normals = (name: string, length: number) => {
  const draw = stream(0, name)
  return Float32Array.from({ length }, () => draw.normal())
}

/** Features whose dimensions depend on each other, around a mean that is far from 0. */
function skewed(rows: number, dim: number): Features {
  const mix = normals('mix', dim * dim)
  const raw = normals('raw', rows * dim)
  const data = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < dim; i++) {
      data[row * dim + i] = 3 + i
      for (let j = 0; j < dim; j++) data[row * dim + i] += mix[i * dim + j] * raw[row * dim + j]
    }
  return { data, rows, dim }
}

/** [dim, dim] about `center`. */
function covariance({ data, rows, dim }: Features, center: ArrayLike<number>): number[][] {
  return Array.from({ length: dim }, (_, i) =>
    Array.from({ length: dim }, (_, j) => {
      let sum = 0
      for (let row = 0; row < rows; row++)
        sum += ((data[row * dim + i]! - center[i]!) * (data[row * dim + j]! - center[j]!)) / rows
      return sum
    }),
  )
}

describe('whitening', () => {
  const features = skewed(500, 6)

  test('makes the covariance the identity and the mean zero', () => {
    const whitened = applyWhitening(features, learnWhitening(features))
    const cov = covariance(whitened, new Float64Array(6))
    for (let i = 0; i < 6; i++) for (let j = 0; j < 6; j++) expect(cov[i]![j]).toBeCloseTo(Number(i === j), 4)
    for (let d = 0; d < 6; d++) {
      let mean = 0
      for (let row = 0; row < 500; row++) mean += whitened.data[row * 6 + d]! / 500
      expect(mean).toBeCloseTo(0, 5)
    }
  })

  test('uncentred as the reference: scaled by the moments about 0, moved by the mean all the same', () => {
    const whitening = learnWhitening(features, { centred: false })
    const moments = covariance({ ...features, data: features.data.slice() }, new Float64Array(6))
    // W M Wᵀ = 1 where M are the moments about 0
    const row = (i: number) => whitening.projection.subarray(i * 6, (i + 1) * 6)
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) {
        let sum = 0
        for (let a = 0; a < 6; a++) for (let b = 0; b < 6; b++) sum += row(i)[a]! * moments[a]![b]! * row(j)[b]!
        expect(sum).toBeCloseTo(Number(i === j), 6)
      }
    expect(whitening.mean).toEqual(learnWhitening(features).mean)
  })

  test('directions that no image varies in are held at the floor, not blown up', () => {
    const flat = { ...features, data: features.data.map((value, i) => (i % 6 === 0 ? 1 : value)) }
    const { projection } = learnWhitening(flat, { floor: 1e-4 })
    const lengths = Array.from({ length: 6 }, (_, i) => Math.hypot(...projection.subarray(i * 6, (i + 1) * 6)))
    expect(lengths[5]! / lengths[0]!).toBeCloseTo(100, 3) // 1 / sqrt(floor)
  })

  test('power 0 only turns: distances stay', () => {
    const turned = applyWhitening(features, learnWhitening(features, { power: 0 }))
    const distance = ({ data }: Features, a: number, b: number) =>
      Math.hypot(...Array.from({ length: 6 }, (_, d) => data[a * 6 + d]! - data[b * 6 + d]!))
    for (const [a, b] of [
      [0, 1],
      [3, 77],
    ] as const)
      expect(distance(turned, a, b)).toBeCloseTo(distance(features, a, b), 3)
  })

  test('refuses too few rows, equal features and another width', () => {
    expect(() => learnWhitening({ data: new Float32Array(3), rows: 1, dim: 3 })).toThrow('at least 2 rows')
    expect(() => learnWhitening({ data: new Float32Array(6).fill(2), rows: 2, dim: 3 })).toThrow(
      'all features are equal',
    )
    expect(() => applyWhitening({ data: new Float32Array(3), rows: 1, dim: 3 }, learnWhitening(features))).toThrow(
      'expected features of 6 dimensions, got 3',
    )
  })
})

describe('copyDetection', () => {
  const rows = (...angles: number[]) => ({
    data: Float32Array.from(angles.flatMap((a) => [Math.cos(a), Math.sin(a)])),
    rows: angles.length,
    dim: 2,
  })
  const database = rows(0, 0.1, 0.2, 0.3)

  test('scores each query by the place of its original', () => {
    const { ap, map } = copyDetection(rows(0, 0, 0), database, [[0], [1], []])
    expect(ap).toEqual([100, 25, Number.NaN]) // first; second: (0 + 1/2) / 2; without an original
    expect(map).toBe(62.5)
  })

  test('looks no further than the top', () => {
    expect(copyDetection(rows(0), database, [[3]], { top: 3 }).map).toBe(0)
    expect(copyDetection(rows(0), database, [[3]]).map).toBeCloseTo((100 * (0 + 1 / 4)) / 2, 10)
  })

  test('refuses originals of another set', () => {
    expect(() => copyDetection(rows(0), database, [])).toThrow('got 0 for 1 queries')
  })
})
