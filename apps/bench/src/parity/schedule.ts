import { momentumSchedule } from '@dino/ema'
import { type Case, largestDifference } from '@dino/fixtures'
import { cosineSchedule } from '@dino/optim'
import { type Check, numbers, type Tensors, toleranceFor, under } from './check.js'
import { Settings } from './settings.js'

/**
 * Every `out.NAME` against the schedule with the arguments that the manifest has under NAME, in float64.
 *
 * Differences are relative to the schedule's largest value: learning rates lie far below 1.
 */
export function schedule(c: Case, tensors: Tensors): Check[] {
  const settings = new Settings(c.name, c)
  const order = settings.list('order') as string[]
  return Object.entries(under('out.', tensors)).flatMap(([name, expected]) => {
    const values = settings.numbers(name)
    const named = new Settings(`${c.name}.${name}`, Object.fromEntries(order.map((key, i) => [key, values[i]])))
    const options = {
      base: named.number('base'),
      final: named.number('final'),
      epochs: named.number('epochs'),
      iterationsPerEpoch: named.number('iterations_per_epoch'),
      warmupEpochs: named.number('warmup_epochs', 0),
      start: named.number('start', 0),
    }
    const check = (label: string, actual: Float64Array): Check => ({
      name: label,
      difference: relativeToLargest(actual, numbers(expected)),
      tolerance: toleranceFor(c, name),
    })
    const checks = [check(name, cosineSchedule(options))]
    if (name === 'momentum' && options.warmupEpochs === 0) {
      checks.push(check('momentum (@dino/ema)', momentumSchedule(options)))
    }
    return checks
  })
}

function relativeToLargest(actual: Float64Array, expected: ArrayLike<number>): number {
  let largest = 0
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!))
  const scale = largest === 0 || largest > 1 ? 1 : 1 / largest // largestDifference divides by values above 1 itself
  return largestDifference(
    actual.map((value) => value * scale),
    Float64Array.from(expected, (value) => value * scale),
  )
}
