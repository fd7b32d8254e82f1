import { expect, test } from 'vitest'
import {
  above,
  alike,
  atEqualTime,
  bringsNothing,
  inLessTime,
  learns,
  learnsNothing,
  order,
  teacherLeads,
} from './claims.js'
import { type Outcome, shown } from './experiment.js'
import { attentionExperiment, experiments } from './experiments.js'

const outcome = (knn: number[], more: Partial<Outcome> = {}): Outcome => ({
  knn,
  linear: knn,
  studentKnn: knn,
  chance: 26,
  lnK: 6,
  teacherEntropy: [3],
  kl: [1],
  outputSpread: [0.8],
  teacherLeads: [0.5],
  seconds: [60],
  ...more,
})
const verdict = (claim: ReturnType<typeof above>, rows: Record<string, Outcome>) =>
  claim.holds((name) => rows[name])?.verdict

test('a difference is one when it is more than twice its standard error; one seed has none, so its sign counts', () => {
  expect(order([50, 52, 54], [40, 41, 42])).toBe(1)
  expect(order([40, 41, 42], [50, 52, 54])).toBe(-1)
  expect(order([50, 52, 54], [51, 52, 54])).toBe(0)
  // means 2 apart; errors 2 / sqrt 3 each, 1.63 together
  expect(order([52, 54, 56], [50, 52, 54])).toBe(0)
  expect(order([52], [50])).toBe(1)
  expect(order([52], [49, 50, 51])).toBe(0) // its own deviation is taken to be that of the other: 1.15
  expect(order([53], [49, 50, 51])).toBe(1)
})

test('above: told with its numbers, undecided within chance, and not at all while a row is missing', () => {
  const claim = above('a', 'b', 'a is better')
  expect(claim.holds((name) => (name === 'a' ? outcome([50, 52]) : outcome([40])))).toEqual({
    verdict: 'holds',
    because: '51.0 ± 1.4 against 40.0',
  })
  expect(verdict(claim, { a: outcome([30]), b: outcome([40]) })).toBe('does not hold')
  expect(verdict(claim, { a: outcome([40, 42, 44]), b: outcome([41, 42, 43]) })).toBe('undecided')
  expect(claim.holds((name) => (name === 'a' ? outcome([30]) : undefined))).toBeUndefined()
})

test('to learn is to be more than two points above untrained weights, to learn nothing is not', () => {
  const told = (a: number) => {
    const rows = { a: outcome([a]), untrained: outcome([40]) }
    return [verdict(learnsNothing('a', ''), rows), verdict(learns('a', ''), rows)]
  }
  expect(told(17)).toEqual(['holds', 'does not hold'])
  expect(told(41)).toEqual(['holds', 'does not hold'])
  expect(told(44)).toEqual(['does not hold', 'holds'])
  const unsure = { a: outcome([40, 43, 46]), untrained: outcome([40]) }
  expect(verdict(learns('a', ''), unsure)).toBe('undecided')
  expect(verdict(learnsNothing('a', ''), unsure)).toBe('undecided')
})

test('what brings nothing may be worse, or better within chance; alike is within two points; chance settles neither', () => {
  const nothing = bringsNothing('a', 'b', '')
  expect(verdict(nothing, { a: outcome([63.8, 64.4, 64]), b: outcome([63.6, 64.2, 63.8]) })).toBe('holds')
  expect(verdict(nothing, { a: outcome([66, 66.2, 66.1]), b: outcome([63.6, 64.2, 63.8]) })).toBe('does not hold')
  expect(verdict(nothing, { a: outcome([50, 60, 70]), b: outcome([50, 55, 60]) })).toBe('undecided')
  const same = alike('a', 'b', '')
  expect(verdict(same, { a: outcome([50, 60, 70]), b: outcome([50, 55, 60]) })).toBe('undecided')
  expect(verdict(same, { a: outcome([66]), b: outcome([64.5]) })).toBe('holds')
  expect(verdict(same, { a: outcome([67]), b: outcome([64.5]) })).toBe('does not hold')
})

test('at equal time: the better one, but for one that took more than a tenth longer, which settles nothing', () => {
  const claim = atEqualTime('a', 'b', '')
  const costing = (knn: number[], seconds: number) =>
    outcome(knn, { cost: { seconds, imagesPerSecond: 1, gigabytes: 1 } })
  expect(verdict(claim, { a: costing([50], 105), b: costing([45], 100) })).toBe('holds')
  expect(verdict(claim, { a: costing([50], 120), b: costing([45], 100) })).toBe('undecided')
  expect(verdict(claim, { a: costing([44], 95), b: costing([45], 100) })).toBe('does not hold')
  expect(verdict(claim, { a: costing([44], 80), b: costing([45], 100) })).toBe('undecided')
  expect(verdict(claim, { a: outcome([50]), b: costing([45], 100) })).toBeUndefined()
  const faster = inLessTime('a', 'b', '')
  expect(verdict(faster, { a: costing([50], 90), b: costing([45], 100) })).toBe('holds')
  expect(verdict(faster, { a: costing([50], 101), b: costing([45], 100) })).toBe('does not hold')
})

test('a teacher leads when it is better in more evaluations than it is worse', () => {
  const claim = teacherLeads('a', '')
  expect(verdict(claim, { a: outcome([50], { teacherLeads: [0.6, 0.58, 0.62] }) })).toBe('holds')
  expect(verdict(claim, { a: outcome([50], { teacherLeads: [0.8, 0.4, 0.5] }) })).toBe('undecided')
  expect(verdict(claim, { a: outcome([50], { teacherLeads: [0.5] }) })).toBe('undecided')
  expect(verdict(claim, { a: outcome([50], { teacherLeads: [0.4] }) })).toBe('does not hold')
})

test('every claim is about rows of its table, and is decided once they are all there', () => {
  for (const { name, rows, claims } of [...experiments, attentionExperiment]) {
    const cost = { seconds: 60, imagesPerSecond: 1, gigabytes: 1 }
    const all = new Map(rows.map((row) => [row.name, outcome([50], { cost })]))
    for (const claim of claims)
      expect(
        claim.holds((row) => all.get(row)),
        `${name}: ${claim.text}`,
      ).toBeDefined()
  }
})

test('numbers are shown with their spread', () => {
  expect(shown([50, 52])).toBe('51.0 ± 1.4')
  expect(shown([50])).toBe('50.0')
  expect(shown([])).toBe('-')
})
