import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CommandContext } from '@stricli/core'
import { expect, test } from 'vitest'
import { growthMarkdown, points, runGrowth, slopesOf, tokensOf } from './growth.js'
import type { Timing } from './ours.js'

test('a slope is that of the logarithms: in proportion 1, with the square 2, fixed 0', () => {
  const grown = [1, 2, 4, 8].map((size) => ({ axis: 'n', size, seconds: 3 * size, gigabytes: 5 * size ** 2 }))
  const [slope] = slopesOf(grown)
  expect(slope!.time).toBeCloseTo(1, 10)
  expect(slope!.memory).toBeCloseTo(2, 10)
  expect(slopesOf(grown.map((point) => ({ ...point, seconds: 7 })))[0]!.time).toBeCloseTo(0, 10)
  expect(growthMarkdown(grown, slopesOf(grown))).toContain('| n | 1, 2, 4, 8 | 3.00, 6.00, 12.00, 24.00 | 1.00 |')
})

test('every axis has four sizes, rising', () => {
  expect(tokensOf(16)).toBe(2 * 197 + 8 * 37)
  for (const axis of ['batch', 'crops', 'tokens', 'K', 'depth']) {
    const sizes = points.filter((point) => point.axis === axis).map(({ size }) => size)
    expect(sizes).toHaveLength(4)
    expect([...sizes].sort((a, b) => a - b)).toEqual(sizes)
  }
})

test('points that were measured are kept, and an axis that is none is refused', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dino-growth-'))
  const kept: Record<string, Partial<Timing>> = {}
  for (const depth of [3, 6, 12, 24]) {
    const model = `--arch vit_tiny --patch-size 16 --batch 4 --locals 8 --out-dim 4096 --depth ${depth}`
    kept[`${model} --steps 3 --engine tensorflow`] = { times_ms: [1000 * depth], max_rss_gb: 1 }
  }
  writeFileSync(join(folder, 'growth.json'), JSON.stringify(kept))
  let output = ''
  const stdout = { write: (text: string) => (output += text) }
  const context = { process: { stdout, stderr: { write: () => {} } } } as unknown as CommandContext
  const flags = { steps: 3, engine: 'tensorflow', json: false, out: folder }
  await runGrowth.call(context, { ...flags, only: ['depth'] })
  expect(output).toContain('| depth | 3, 6, 12, 24 | 3.00, 6.00, 12.00, 24.00 | 1.00 |')
  const refused = runGrowth.call(context, { ...flags, only: ['width'] })
  await expect(refused).rejects.toMatchObject({
    message: '--only: there is no axis width. There are batch, crops, tokens, K, depth.',
    exitCode: 2,
  })
  rmSync(folder, { recursive: true })
})
