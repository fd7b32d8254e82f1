import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { DemoResult } from '../src/demo/page.js'

// What the README promises of `npm start`, whatever the seed. Four to five minutes a seed on two cores.
const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))

test.each([0, 1, 2])('the demo learns what it says it learns, seed %i', { timeout: 30 * 60_000 }, (seed) => {
  const folder = mkdtempSync(join(tmpdir(), 'dino-demo-'))
  try {
    const args = [cli, 'demo', '--seed', String(seed), '--output-dir', join(folder, 'demo'), '--json']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    const { before, after } = JSON.parse(stdout) as Omit<DemoResult, 'examples'>
    expect(after.knn - before.knn).toBeGreaterThanOrEqual(6)
    expect(after.attention.meanHead / before.attention.meanHead).toBeGreaterThanOrEqual(2)
    expect(after.retrieval / before.retrieval).toBeGreaterThanOrEqual(3)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
