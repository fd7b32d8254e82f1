import { expect, test } from 'vitest'
import { attentionReport } from './attention.js'
import { maskSheet } from './attention-sheet.js'
import { toMarkdown } from './report-markdown.js'

test('attention is told in percent, with what holds of it, and drawn', () => {
  const scored = (bestHead: number) => ({ bestHead, bestHeadIndex: 0, meanHead: bestHead / 2 })
  const found = { dino: scored(0.41), supervised: scored(0.3), random: scored(0.35) }
  const pictures = [Uint8Array.of(1), Uint8Array.of(2)]
  const sheet = maskSheet([
    { title: 'image', pictures },
    { title: 'DINO', pictures },
  ])
  const scale = { name: 'tiny', summary: 'SUMMARY' } as const
  const report = attentionReport(found, { command: 'COMMAND', scale, sheet, machine: undefined })
  expect(report.claims.map(({ verdict }) => verdict)).toEqual(['holds', 'does not hold'])
  expect(report.claims[1]!.because).toBe('30.0 against 35.0')
  expect(toMarkdown(report)).toContain('| DINO | 41.0 | 45.9 | 20.5 |')
  expect(toMarkdown(report)).toContain('(attention-0.svg)')
  expect(sheet.match(/<image /g)).toHaveLength(4)
  expect(sheet).toContain('width="200" height="220"')
})
