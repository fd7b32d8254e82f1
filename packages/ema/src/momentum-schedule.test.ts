import { cases, golden, largestDifference, load } from '@dino/fixtures'
import { expect, test } from 'vitest'
import { momentumSchedule } from './index.js'

test.each(cases<{ order: string[]; momentum: number[]; tolerance: number }>('schedule'))(
  '$name equals the reference',
  (c) => {
    const given = Object.fromEntries(c.order.map((setting, i) => [setting, c.momentum[i]!]))
    expect(given.warmup_epochs).toBe(0) // the reference warms up no momentum
    const schedule = momentumSchedule({
      base: given.base!,
      final: given.final!,
      epochs: given.epochs!,
      iterationsPerEpoch: given.iterations_per_epoch!,
    })
    expect(largestDifference(schedule, load(c)['out.momentum']!.data as Float64Array)).toBeLessThanOrEqual(c.tolerance)
  },
)

test('the defaults equal the formula', () => {
  const { epochs, steps_per_epoch, idx, ...rest } = golden().schedules
  const key = Object.keys(rest).find((each) => each.startsWith('momentum('))!
  const schedule = momentumSchedule({ epochs, iterationsPerEpoch: steps_per_epoch })
  expect(
    largestDifference(
      idx.map((i: number) => schedule[i]),
      rest[key],
    ),
  ).toBeLessThan(1e-12)
})

test('values that are no schedule are refused', () => {
  expect(() => momentumSchedule({ base: 1.1, epochs: 1, iterationsPerEpoch: 1 })).toThrow('base from 0 to 1, got 1.1')
  expect(() => momentumSchedule({ epochs: 0.5, iterationsPerEpoch: 1 })).toThrow('whole epochs of 0 or more, got 0.5')
})
