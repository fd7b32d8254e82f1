import { expect, test } from 'vitest'
import { toMarkdown } from '../ablations/report-markdown.js'
import { scales } from '../ablations/scale.js'
import { learnReport } from './report.js'

const machine = { engine: 'E', cpu: 'C', cores: 2, node: 'v', commit: 'c' }
const about = { command: 'COMMAND', row: { name: 'dino', title: 'DINO' }, scale: scales.tiny, machine }
const losses = Array.from({ length: 300 }, (_, i) => 5 - i / 100)

test('two sides that differ by rounding are told to be the same, and what they learn apart from that', async () => {
  const peer = losses.map((loss, i) => loss + (i === 9 ? 2e-6 : 0))
  const own = { steps: 800, ours: [60, 61, 62], peer: [61, 62, 63] }
  const report = await learnReport({ same: { ours: losses, peer }, own, peer: 'torch 2' }, about)
  expect(report.claims.map(({ verdict }) => verdict)).toEqual(['holds', 'holds'])
  const text = toMarkdown(report)
  expect(text).toContain('| loss of step 10, nats | 4.91000 | 4.91000 | 2.0e-6 |')
  expect(text).toContain('| k-NN % after 800 steps on crops of its own | 61.0 ± 1.0 | 62.0 ± 1.0 | -1.0 |')
  expect(report.charts[0]!.svg).toContain('torch 2')
})

test('losses that part and accuracies that are apart are told as such; one seed settles nothing', async () => {
  const peer = losses.map((loss) => loss + 0.01)
  const far = { steps: 800, ours: [60, 60.1], peer: [50, 50.1] }
  const report = await learnReport({ same: { ours: losses, peer }, own: far, peer: 'torch 2' }, about)
  expect(report.claims.map(({ verdict }) => verdict)).toEqual(['does not hold', 'does not hold'])
  const one = { steps: 800, ours: [60], peer: [50] }
  const { claims } = await learnReport({ same: { ours: losses, peer }, own: one, peer: 'torch 2' }, about)
  expect(claims[1]!.verdict).toBe('not measured')
})
