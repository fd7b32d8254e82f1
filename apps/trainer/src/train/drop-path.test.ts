import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import { dropPathFeeds } from './drop-path.js'
import { setupOf } from './setup.js'

// The built command, as a person runs it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-drop-path-'))
  mkdirSync(join(folder, 'photos'))
  for (let i = 0; i < 8; i++) {
    const background = { r: 30 * i, g: 128, b: 255 - 30 * i }
    await sharp({ create: { width: 40, height: 40, channels: 3, background } }).toFile(join(folder, `photos/${i}.png`))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

function losses(name: string, flags: string): number[] {
  const small =
    '--recipe demo --depth 3 --batch-size 4 --epochs 1 --warmup-epochs 0 --freeze-last-layer 0 --num-workers 0 --threads 1 --log-freq 1'
  const line = `train --data photos ${small} --drop-path-rate 0.5 --output-dir ${name}${flags}`
  const { status, stderr } = spawnSync(process.execPath, [cli, ...line.split(' ')], { cwd: folder, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const lines = readFileSync(join(folder, name, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return lines.map((text) => JSON.parse(text).loss as number).filter((loss) => loss !== undefined)
}

test('a run that computes what drop path keeps is the run that computes all', () => {
  const [all, kept] = [losses('all', ''), losses('kept', ' --drop-path-rows kept')]
  expect(all.length).toBe(2)
  for (const [i, loss] of all.entries()) expect(kept[i]).toBeCloseTo(loss, 4)
})

test('a subset has the same number of rows in every step, of its own draws', () => {
  const config = resolveConfig({
    data: 'photos',
    recipe: 'demo',
    dropPathRate: 0.5,
    dropPathRows: 'subset',
    batchSize: 4,
  })
  const { localCropsNumber: L } = config
  const [one, other] = [0, 1].map((index) => dropPathFeeds(setupOf(config), config, index).dropPathLocal!)
  const rows = (mask: Float32Array) => mask.subarray(-4 * L).filter((x) => x !== 0).length // of the last branch
  expect([rows(one!), rows(other!)]).toEqual([2 * L, 2 * L])
  expect(one).not.toEqual(other)
  expect(one).not.toEqual(dropPathFeeds(setupOf(config), { ...config, dropPathRows: 'kept' }, 0).dropPathLocal)
})
