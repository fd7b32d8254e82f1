import { stream } from '@dino/random'
import { expect, test } from 'vitest'
import { addMoments, createMoments, type Features, principalComponents } from './index.js'

/** Rows around (100, -50, 7) with deviations 3, 1 and 0.1 along the axes turned by 30 degrees in the first two. */
function cloud(rows: number): Features {
  const draws = stream(4, 'cloud')
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)]
  const data = new Float32Array(rows * 3)
  for (let i = 0; i < rows; i++) {
    const [x, y, z] = [3 * draws.normal(), draws.normal(), 0.1 * draws.normal()]
    data.set([100 + c * x - s * y, -50 + s * x + c * y, 7 + z], i * 3)
  }
  return { data, rows, dim: 3 }
}

test('finds the axes of a cloud, by their variance', () => {
  const moments = createMoments(3)
  addMoments(moments, cloud(20_000))
  const { mean, components, variances, total } = principalComponents(moments, 3)
  const wanted = [
    [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6), 0],
    [-Math.sin(Math.PI / 6), Math.cos(Math.PI / 6), 0],
    [0, 0, 1],
  ].flat()
  components.forEach((value, i) => {
    expect(value).toBeCloseTo(wanted[i]!, 1.7)
  })
  expect([...mean].map(Math.round)).toEqual([100, -50, 7])
  expect(variances[0]! / 9).toBeCloseTo(1, 1.5)
  expect(variances[1]).toBeCloseTo(1, 1.5)
  expect(variances[2]! / 0.01).toBeCloseTo(1, 1.5)
  expect(total).toBeCloseTo(variances[0]! + variances[1]! + variances[2]!, 9)
})

test('rows in pieces give the same bits, and rows that are not kept do not count', () => {
  const all = cloud(50)
  const whole = createMoments(3)
  addMoments(whole, all)
  const pieces = createMoments(3)
  for (const [from, to] of [
    [0, 1],
    [1, 20],
    [20, 50],
  ] as const) {
    addMoments(pieces, { data: all.data.subarray(from * 3, to * 3), rows: to - from, dim: 3 })
  }
  expect(pieces).toEqual(whole)
  const even = createMoments(3)
  addMoments(even, all, (row) => row % 2 === 0)
  const data = Float32Array.from({ length: 75 }, (_, i) => all.data[6 * Math.floor(i / 3) + (i % 3)]!)
  const chosen = createMoments(3)
  addMoments(chosen, { data, rows: 25, dim: 3 })
  expect(even).toEqual(chosen)
})

test('one row has a mean and no variance; none is refused, as are NaN and other widths', () => {
  const one = createMoments(2)
  addMoments(one, { data: Float32Array.of(3, 4), rows: 1, dim: 2 })
  expect(principalComponents(one, 1)).toMatchObject({ mean: Float64Array.of(3, 4), variances: Float64Array.of(0) })
  expect(() => principalComponents(createMoments(2), 1)).toThrow('there are no rows')
  expect(() => principalComponents(one, 3)).toThrow('expected n from 1 to 2, got 3')
  expect(() => addMoments(one, { data: Float32Array.of(3), rows: 1, dim: 1 })).toThrow('rows of 2 numbers, got 1')
  addMoments(one, { data: Float32Array.of(Number.NaN, 4), rows: 1, dim: 2 })
  expect(() => principalComponents(one, 1)).toThrow('NaN')
})
