import { describe, expect, test } from 'vitest'
import { cropBox, multiCrop, type ViewPlan } from './index.js'

const N = 10_000
const plans = Array.from({ length: N }, (_, sample) =>
  multiCrop({ localCrops: 1 }).plan({ seed: 11, epoch: 2, sample }),
)
const all = plans.flat()

/** How often something happens, in standard deviations from what is expected. */
function deviation(happened: readonly boolean[], p: number): number {
  const rate = happened.filter(Boolean).length / happened.length
  return rate === p ? 0 : Math.abs(rate - p) / Math.sqrt((p * (1 - p)) / happened.length)
}
const FOUR = 4 // standard deviations: once in 16,000 such tests by chance, and the seed is fixed

/** Kolmogorov and Smirnov's distance of values from a law, times sqrt(n): above 1.95 once in a thousand by chance. */
function distance(values: readonly number[], cdf: (x: number) => number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const n = sorted.length
  const gaps = sorted.map((x, i) => Math.max(Math.abs(cdf(x) - i / n), Math.abs((i + 1) / n - cdf(x))))
  return Math.sqrt(n) * Math.max(...gaps)
}
const FAR = 1.95
const uniform = (low: number, high: number) => (x: number) => (x - low) / (high - low)

describe('how often', () => {
  test.each([
    ['global 1', 0, 1, 0],
    ['global 2', 1, 0.1, 0.2],
    ['local', 2, 0.5, 0],
  ])('the %s view is blurred and solarized', (_, view, blur, solarized) => {
    const of = plans.map((plan) => plan[view]!)
    const blurred = of.map((v) => v.blur !== null)
    const inverted = of.map((v) => v.solarize === 128)
    expect(deviation(blurred, blur)).toBeLessThan(FOUR)
    expect(deviation(inverted, solarized)).toBeLessThan(FOUR)
  })

  test.each<[string, (view: ViewPlan) => boolean, number]>([
    ['jitter', (v) => v.jitter.length === 4, 0.8],
    ['no jitter', (v) => v.jitter.length === 0, 0.2],
    ['grayscale', (v) => v.grayscale, 0.2],
    ['flip', (v) => v.flip, 0.5],
    ['all three, so they are independent', (v) => v.flip && v.grayscale && v.jitter.length > 0, 0.5 * 0.2 * 0.8],
  ])('%s', (_, fires, p) => expect(deviation(all.map(fires), p)).toBeLessThan(FOUR))
})

describe('how much', () => {
  const factors = (op: string) => all.flatMap((v) => v.jitter.filter((s) => s.op === op).map((s) => s.factor))
  test.each<[string, number[], number, number]>([
    ['brightness', factors('brightness'), 0.6, 1.4],
    ['contrast', factors('contrast'), 0.6, 1.4],
    ['saturation', factors('saturation'), 0.8, 1.2],
    ['hue', factors('hue'), -0.1, 0.1],
    ['sigma', all.flatMap((v) => v.blur ?? []), 0.1, 2],
    ['area of a global try', plans.map(([first]) => first!.crop.tries[0]![0]), 0.4, 1],
    ['area of a local try', plans.map(([, , local]) => local!.crop.tries[0]![0]), 0.05, 0.4],
    ['log ratio of a try', all.map((v) => Math.log(v.crop.tries[0]![1])), Math.log(3 / 4), Math.log(4 / 3)],
  ])('%s is uniform', (_, values, low, high) => {
    expect(values.length).toBeGreaterThan(9_000)
    expect(Math.min(...values)).toBeGreaterThanOrEqual(low)
    expect(Math.max(...values)).toBeLessThanOrEqual(high)
    expect(distance(values, uniform(low, high))).toBeLessThan(FAR)
  })

  test('the 24 orders of the jitter are equally likely (chi-square)', () => {
    const counts = new Map<string, number>()
    const jittered = all.filter((v) => v.jitter.length > 0)
    for (const { jitter } of jittered) {
      const order = jitter.map(({ op }) => op).join()
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).toBe(24)
    const expected = jittered.length / 24
    const chi2 = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    expect(chi2).toBeLessThan(49.7) // 23 degrees of freedom, p = 0.001
  })
})

describe('the crops of a large square image', () => {
  const side = 40_000 // rounding to pixels is below what the test sees
  const boxes = plans.map(([first]) => cropBox(first!.crop, side, side))
  const L = Math.log(4 / 3)
  const low = 0.4

  // A try of area a and log ratio t fits if a <= exp(-|t|). So the areas that fit have the density 1 up to 3/4 and -ln(a) / L from there on,
  // the log ratios exp(-|t|) - 0.4, each over its integral.
  test('areas follow their law: large ones seldom fit', () => {
    const above = (x: number) => (x - x * Math.log(x) - (3 / 4 - (3 / 4) * Math.log(3 / 4))) / L // of -ln(a) / L from 3/4 to x
    const mass = (x: number) => (x <= 3 / 4 ? x - low : 3 / 4 - low + above(x))
    const areas = boxes.map(({ width, height }) => (width * height) / side ** 2)
    expect(distance(areas, (x) => mass(x) / mass(1))).toBeLessThan(FAR)
    expect(distance(areas, uniform(low, 1))).toBeGreaterThan(10) // the test would notice
  })

  test('ratios follow theirs', () => {
    const half = (t: number) => 1 - Math.exp(-t) - low * t // of exp(-t) - 0.4 from 0 to t
    const cdf = (t: number) => 0.5 + (Math.sign(t) * half(Math.abs(t))) / (2 * half(L))
    const ratios = boxes.map(({ width, height }) => Math.log(width / height))
    expect(distance(ratios, cdf)).toBeLessThan(FAR)
    expect(distance(ratios, uniform(-L, L))).toBeGreaterThan(FAR)
  })

  test('positions are uniform', () => {
    const inside = boxes.filter(({ width }) => width < side - 1000)
    const places = inside.map(({ left, width }) => left / (side - width))
    expect(distance(places, uniform(0, 1))).toBeLessThan(FAR)
  })

  test('no try fits, and the middle is taken, as often as it must be', () => {
    expect(boxes.filter(({ width, height }) => width === side && height === side).length).toBe(0)
    // In an image three times as wide as high, a try fits if a <= r / 3, so only for ratios r above 1.2.
    const fits = ((4 / 3 - 1.2) / 3 - low * (L - Math.log(1.2))) / (2 * L * 0.6)
    const long = plans.map(([first]) => cropBox(first!.crop, 3 * side, side))
    const middle = long.map((box) => box.height === side && box.width === Math.round((4 / 3) * side))
    expect((1 - fits) ** 10).toBeGreaterThan(0.5)
    expect(deviation(middle, (1 - fits) ** 10)).toBeLessThan(FOUR)
  })
})
