import { cases, golden, largestDifference, load } from '@dino/fixtures'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cosineSchedule, teacherTempSchedule } from './index.js'

describe.each(cases<{ order: string[]; tolerance: number }>('schedule'))('$name', (c) => {
  test.each(Object.entries(load(c)))('%s equals the reference', (output, { data }) => {
    const values = c[output.replace('out.', '')] as number[]
    const given = Object.fromEntries(c.order.map((setting, i) => [setting, values[i]!]))
    const schedule = cosineSchedule({
      base: given.base!,
      final: given.final!,
      epochs: given.epochs!,
      iterationsPerEpoch: given.iterations_per_epoch!,
      warmupEpochs: given.warmup_epochs!,
      start: given.start!,
    })
    expect(largestDifference(schedule, data as Float64Array)).toBeLessThanOrEqual(c.tolerance)
  })
})

const schedules = golden().schedules as Record<string, number[]> & {
  epochs: number
  steps_per_epoch: number
  warmup_epochs: number
}
const length = { epochs: schedules.epochs, iterationsPerEpoch: schedules.steps_per_epoch }

test.each([
  ['lr', { base: (5e-4 * 64) / 256, final: 1e-6, warmupEpochs: schedules.warmup_epochs }],
  ['wd', { base: 0.04, final: 0.4 }],
  ['momentum', { base: 0.996, final: 1 }],
])('%s equals the formula', (name, options) => {
  const key = Object.keys(schedules).find((each) => each.startsWith(`${name}(`))!
  const schedule = cosineSchedule({ ...options, ...length })
  const picked = schedules.idx!.map((i) => schedule[i]!)
  expect(largestDifference(picked, schedules[key]!)).toBeLessThan(1e-12)
})

test('the teacher temperature equals the formula, per epoch', () => {
  const key = Object.keys(schedules).find((each) => each.startsWith('teacher_temp(warm'))!
  const short = teacherTempSchedule({ warmupTemp: 0.04, temp: 0.07, warmupEpochs: 3, epochs: 10 })
  expect(largestDifference(short, schedules[key]!)).toBeLessThan(1e-12)
  const longKey = Object.keys(schedules).find((each) => each.startsWith('teacher_temp(README'))!
  const long = teacherTempSchedule({ warmupTemp: 0.04, temp: 0.07, warmupEpochs: 30, epochs: 100 })
  expect(
    largestDifference(
      [0, 1, 15, 29, 30].map((epoch) => long[epoch]!),
      schedules[longKey]!,
    ),
  ).toBeLessThan(1e-12)
})

test('a warm-up begins at start, ends at base, and base comes twice; the final value never comes', () => {
  const whole = fc.integer({ min: 2, max: 12 })
  fc.assert(
    fc.property(whole, whole, whole, (epochs, iterationsPerEpoch, more) => {
      const schedule = cosineSchedule({
        base: 1,
        final: 0.1,
        epochs: epochs + more,
        iterationsPerEpoch,
        warmupEpochs: epochs,
      })
      const warmup = epochs * iterationsPerEpoch
      expect(schedule).toHaveLength((epochs + more) * iterationsPerEpoch)
      expect(schedule[0]).toBe(0)
      expect([schedule[warmup - 1], schedule[warmup]]).toEqual([1, 1])
      expect(Math.min(...schedule.subarray(warmup))).toBeGreaterThan(0.1)
      for (let i = 1; i < warmup; i++) expect(schedule[i]).toBeGreaterThan(schedule[i - 1]!)
    }),
  )
})

test('equal ends make a constant', () => {
  expect(new Set(cosineSchedule({ base: 0.3, final: 0.3, epochs: 3, iterationsPerEpoch: 7 }))).toEqual(new Set([0.3]))
})

test('a warm-up may fill the whole training, even of one iteration', () => {
  const all = cosineSchedule({ base: 1, final: 0, epochs: 2, iterationsPerEpoch: 2, warmupEpochs: 2 })
  expect(all[3]).toBe(1)
  expect([...cosineSchedule({ base: 1, final: 0, epochs: 1, iterationsPerEpoch: 1, warmupEpochs: 1 })]).toEqual([0])
  expect([...teacherTempSchedule({ warmupTemp: 0.04, temp: 0.07, warmupEpochs: 1, epochs: 1 })]).toEqual([0.04])
})

test('a warm-up longer than the training is refused', () => {
  expect(() => cosineSchedule({ base: 1, final: 0, epochs: 5, iterationsPerEpoch: 2, warmupEpochs: 10 })).toThrow(
    'cosineSchedule: expected warmupEpochs of at most epochs (5), got 10. The warm-up would outlast the training',
  )
  expect(() => teacherTempSchedule({ warmupTemp: 0.04, temp: 0.07, warmupEpochs: 30, epochs: 10 })).toThrow('got 30')
})

test('values that are no schedule are refused', () => {
  const options = { base: 1, final: 0, epochs: 5, iterationsPerEpoch: 2 }
  expect(() => cosineSchedule({ ...options, epochs: 1.5 })).toThrow('whole epochs of 0 or more, got 1.5')
  expect(() => cosineSchedule({ ...options, final: Number.NaN })).toThrow('finite final, got NaN')
  expect(() => teacherTempSchedule({ warmupTemp: 0, temp: 0.07, warmupEpochs: 0, epochs: 1 })).toThrow('above 0')
})
