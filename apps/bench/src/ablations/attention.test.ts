import { expect, test } from 'vitest'
import { attentionMarkdown, attentionReport } from './attention.js'

test('attention is told in percent, with what holds of it', () => {
  const scored = (bestHead: number) => ({ bestHead, meanHead: bestHead / 2 })
  const found = { dino: scored(0.41), supervised: scored(0.3), random: scored(0.35) }
  const report = attentionReport(found, 'COMMAND', 'tiny')
  expect(report.networks.map(({ network, bestHead }) => [network, bestHead])).toEqual([
    ['random', 35],
    ['supervised', 30],
    ['dino', 41],
  ])
  expect(report.claims.map(({ holds }) => holds)).toEqual([true, false])
  expect(attentionMarkdown(report)).toContain('| DINO | 41.0 | 20.5 | 45.9 |')
})
