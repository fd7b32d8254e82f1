import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Draws, stream } from './index.js'

const seeds = fc.maxSafeNat()
const paths = fc.array(fc.oneof(fc.maxSafeNat(), fc.string()), { maxLength: 4 })

test('a stream does not depend on what other streams drew', () => {
  fc.assert(
    fc.property(seeds, paths, paths, (seed, path, other) => {
      const alone = take(stream(seed, ...path), 9)
      const draws = stream(seed, ...path)
      const noise = stream(seed, ...other)
      const among = alone.map(() => {
        noise.normal()
        return draws.uniform()
      })
      expect(among).toEqual(alone)
    }),
  )
})

test('another seed or another path is another stream', () => {
  fc.assert(
    fc.property(seeds, paths, seeds, paths, (seed, path, otherSeed, other) => {
      fc.pre(JSON.stringify([seed, path]) !== JSON.stringify([otherSeed, other]))
      expect(take(stream(seed, ...path), 2)).not.toEqual(take(stream(otherSeed, ...other), 2))
    }),
  )
})

test.each([
  [[1], ['1']],
  [
    ['ab', 'c'],
    ['a', 'bc'],
  ],
  [['a\0'], ['a']],
  [[0], []],
  [[''], []],
  [
    [0, 1],
    [1, 0],
  ],
  [[2 ** 32], [0]],
  [[2 ** 52], [2 ** 53 - 1]],
])('the paths %j and %j are told apart', (a, b) => {
  expect(take(stream(0, ...a), 4)).not.toEqual(take(stream(0, ...b), 4))
})

test('seed 0 is a seed like any other', () => {
  expect(take(stream(0), 3)).toEqual(take(stream(0), 3))
  expect(take(stream(0), 3)).not.toEqual(take(stream(1), 3))
})

test('the numbers of a key never change: runs begun earlier resume exactly', () => {
  const draws = stream(0, 'crop', 1, 2)
  expect([draws.uniform(), draws.integer(0, 1000), draws.normal(), draws.normal()]).toMatchInlineSnapshot(`
    [
      0.583754708295271,
      821,
      0.3859836239213509,
      0.3640764845525634,
    ]
  `)
})

test('uniform draws fill their cells evenly (chi-square, 100 cells)', () => {
  expect(chiSquare(take(stream(7, 'chi'), 100_000), 100)).toBeLessThan(149) // p = 0.001 at 99 degrees of freedom
})

test('the first draws of neighbouring keys are uniform and uncorrelated', () => {
  for (const keyed of [
    (i: number) => stream(i),
    (i: number) => stream(0, i),
    (i: number) => stream(0, `sample ${i}`),
  ]) {
    const first = Array.from({ length: 20_000 }, (_, i) => keyed(i).uniform())
    expect(chiSquare(first, 100)).toBeLessThan(149)
    for (const lag of [1, 2, 16]) {
      const r = correlation(first.slice(0, -lag), first.slice(lag))
      expect(Math.abs(r)).toBeLessThan(4 / Math.sqrt(first.length))
    }
  }
})

test('integers are equally likely, where a remainder would favour the lower ones', () => {
  const width = 3 * 2 ** 30 // 2³² % width is a third of width
  const draws = stream(3)
  const low = Array.from({ length: 30_000 }, () => draws.integer(0, width)).filter((x) => x < 2 ** 30).length
  expect(Math.abs(low / 30_000 - 1 / 3)).toBeLessThan(0.01) // a bare remainder would give 1/2
})

test('integers stay within their bounds and reach both ends', () => {
  fc.assert(
    fc.property(seeds, fc.integer(), fc.integer({ min: 1, max: 6 }), (seed, low, width) => {
      const draws = stream(seed)
      const seen = new Set(Array.from({ length: 200 }, () => draws.integer(low, low + width) - low))
      expect([...seen].sort()).toEqual(Array.from({ length: width }, (_, i) => i))
    }),
  )
  const wide = stream(1)
  for (let i = 0; i < 100; i++) expect(Number.isSafeInteger(wide.integer(0, Number.MAX_SAFE_INTEGER))).toBe(true)
})

test('normals have mean 0, deviation 1, and the tails of a normal', () => {
  const draws = stream(11)
  const x = Array.from({ length: 200_000 }, () => draws.normal())
  const mean = x.reduce((a, b) => a + b) / x.length
  const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / x.length
  expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(x.length))
  expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / x.length))
  expect(x.filter((v) => Math.abs(v) > 2).length / x.length).toBeCloseTo(0.0455, 2)
  expect(x.some((v) => Math.abs(v) > 4)).toBe(true)
  expect(
    Math.abs(
      correlation(
        x.filter((_, i) => i % 2 === 0),
        x.filter((_, i) => i % 2 === 1),
      ),
    ),
  ).toBeLessThan(0.013)
})

test('a uniform draw keeps to its bounds', () => {
  fc.assert(
    fc.property(
      seeds,
      fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
      fc.double({ noNaN: true, min: 0, max: 1e9 }),
      (seed, low, width) => {
        const x = stream(seed).uniform(low, low + width)
        expect(x).toBeGreaterThanOrEqual(low)
        expect(x).toBeLessThanOrEqual(low + width)
      },
    ),
  )
})

test.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])('the seed %d is refused', (seed) => {
  expect(() => stream(seed)).toThrow(`expected a seed that is a whole number from 0 to 9007199254740991, got ${seed}`)
  expect(() => stream(0, 'crop', seed)).toThrow('path number')
})

test('bounds that hold nothing are refused', () => {
  expect(() => stream(0).integer(3, 3)).toThrow('got [3, 3)')
  expect(() => stream(0).integer(0, 2.5)).toThrow('whole numbers')
  expect(() => stream(0).uniform(2, 1)).toThrow('got [2, 1)')
  expect(() => stream(0).uniform(0, Number.NaN)).toThrow('finite')
})

function take(draws: Draws, count: number): number[] {
  return Array.from({ length: count }, () => draws.uniform())
}

function chiSquare(x: number[], cells: number): number {
  const counts = new Array<number>(cells).fill(0)
  for (const value of x) counts[Math.floor(value * cells)]!++
  const expected = x.length / cells
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

function correlation(a: number[], b: number[]): number {
  const meanA = a.reduce((s, v) => s + v, 0) / a.length
  const meanB = b.reduce((s, v) => s + v, 0) / b.length
  let ab = 0
  let aa = 0
  let bb = 0
  for (let i = 0; i < a.length; i++) {
    const da = a[i]! - meanA
    const db = b[i]! - meanB
    ab += da * db
    aa += da * da
    bb += db * db
  }
  return ab / Math.sqrt(aa * bb)
}
