import { expect, test } from 'vitest'
import type { StepReport } from './run.js'
import { markdown, page, rows } from './table.js'

const side = {
  name: 'ours',
  version: '1',
  threads: 2,
  stepMs: 700.4,
  imagesPerSecond: 1,
  firstStepMs: 5120,
  maxRssGb: 2,
}
const report: StepReport = {
  ...{ arch: 'vit_small', patchSize: 16, batch: 8, locals: 8, outDim: 65536, steps: 6, rounds: 2 },
  ...{ precision: 'bf16', device: 'cpu', cpu: 'a', cores: 2, commit: 'c' },
  sides: [
    { ...side, rounds: [] },
    { ...side, stepMs: 1000, maxRssGb: 4, rounds: [] },
  ],
  roofline: { ms: 500, flops: 1e9, version: '2' },
  ratios: { time: 0.7004, timeOfRounds: [0.68, 0.72], memory: 0.5, roofline: 1.4008 },
}

test('a row tells time, both ratios, memory of both and the first step', () => {
  expect(markdown([report]).split('\n').at(2)).toBe(
    '| vit_small/16 | 8 | 10 crops | bf16 | 700 ms | 0.70 (0.68 to 0.72) | 1.40 | 2.00 GB, 4.00 GB | 5.1 s |',
  )
})

test('a row without a peer has no ratios', () => {
  const alone = { ...report, sides: report.sides.slice(0, 1), roofline: null, ratios: null }
  expect(markdown([alone]).split('\n').at(2)).toContain('| 700 ms | - | - | 2.00 GB | 5.1 s |')
})

test('every row has a name of its own, for its file', () => {
  expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
})

test('the page names what was not measured', () => {
  const text = page([report], ['vits8-batch1-fp32-10crops'])
  expect(text).toContain('a, 2 cores, commit c. ours 1. Each side')
  expect(text).toContain('rounds 2 of 6 steps')
  expect(text).toContain('Not measured yet: vits8-batch1-fp32-10crops.')
  expect(page([report], [])).not.toContain('Not measured')
})
