import { expect, test } from 'vitest'
import { collapseMonitor } from './monitor.js'

const K = 512
const lnK = Math.log(K)

function warnings(steps: { teacherEntropy: number; kl: number }[], patience = 10): string[] {
  const monitor = collapseMonitor(K, patience)
  return steps.flatMap(
    ({ teacherEntropy, kl }) => monitor.observe({ loss: teacherEntropy + kl, teacherEntropy, kl }) ?? [],
  )
}

const repeat = (count: number, teacherEntropy: number, kl: number) =>
  Array.from({ length: count }, () => ({ teacherEntropy, kl }))

test('one prototype for all images is named, with what prevents it', () => {
  const [warning, ...more] = warnings(repeat(40, 0.001, 0.0001))
  expect(warning).toMatch(/same prototype .*--center-momentum.*--momentum-teacher/s)
  expect(more).toEqual([])
})

test('uniform outputs are named, with what prevents them', () => {
  const [warning, ...more] = warnings(repeat(40, 0.9999 * lnK, 0.0001))
  expect(warning).toMatch(/prefers no prototype .*ln K = 6\.238.*--teacher-temp/s)
  expect(more).toEqual([])
})

test('a sharp teacher that the student has yet to follow is no collapse, nor is a vague one', () => {
  expect(
    warnings([...repeat(100, 0.001, 1), ...repeat(100, 0.999 * lnK, 0.5), ...repeat(100, 0.4 * lnK, 0.01)]),
  ).toEqual([])
})

test('a few bad batches are not enough, and a second collapse is named again', () => {
  const healthy = repeat(5, 3, 1)
  const short = repeat(9, 0, 0)
  expect(warnings([...short, ...healthy, ...short, ...healthy])).toEqual([])
  expect(warnings([...repeat(20, 0, 0), ...healthy, ...repeat(20, lnK, 0)])).toHaveLength(2)
})

test('outputs that all point one way are told, of losses without a softmax', () => {
  const monitor = collapseMonitor(16, 2)
  expect(monitor.observe({ loss: 0.1, outputSpread: 0.9 })).toBeUndefined()
  expect(monitor.observe({ loss: 0, outputSpread: 0.001 })).toBeUndefined()
  expect(monitor.observe({ loss: 0, outputSpread: 0.002 })).toMatch(
    /all point one way \(spread 0\.0020.*--predictor true/,
  )
})
