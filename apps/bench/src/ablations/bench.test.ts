import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stream } from '@dino/random'
import { readSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { RunResult } from './result.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'dino-bench-'))
const data = join(root, 'data')
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** 64 and 12 images of two classes, one dark and one light. */
beforeAll(async () => {
  for (const [part, count] of [
    ['train', 64],
    ['val', 12],
  ] as const) {
    for (let i = 0; i < count; i++) {
      const draws = stream(1, part, i)
      const folder = join(data, part, i % 2 ? 'light' : 'dark')
      mkdirSync(folder, { recursive: true })
      const pixels = Uint8Array.from({ length: 32 * 32 * 3 }, () => (i % 2 ? 130 : 0) + draws.uniform(0, 120))
      await sharp(pixels, { raw: { width: 32, height: 32, channels: 3 } })
        .png()
        .toFile(join(folder, `${i}.png`))
    }
  }
})

const args = (out: string, ...more: string[]) => [cli, 'trial', '--data', data, '--out', join(root, out), ...more]
const bench = (out: string, ...more: string[]) => spawnSync(process.execPath, args(out, ...more), { encoding: 'utf8' })
const results = (out: string): Record<string, RunResult> => {
  const folder = join(root, out, 'tiny', 'runs')
  const keys = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'result.json')))
  return Object.fromEntries(
    keys.map((key) => [key, JSON.parse(readFileSync(join(folder, key, 'result.json'), 'utf8')) as RunResult]),
  )
}
/** All of a result but what depends on the clock. */
const timeless = ({ secondsPerStep: _s, bytes: _b, machine: _m, config, ...rest }: RunResult) => ({
  ...rest,
  config: { ...config, outputDir: '' },
})

test('two runs become a report; a killed bench goes on, ends the same, and runs nothing twice', async () => {
  const whole = bench('whole')
  expect(whole.status, whole.stderr).toBe(0)
  expect(whole.stdout).toMatch(/\| small \| \d+\.\d \| - \| 12 \| \d+ s \|/)
  const folder = join(root, 'whole', 'tiny')
  expect(readFileSync(join(folder, 'trial.html'), 'utf8')).toContain('<svg')
  expect(readFileSync(join(folder, 'trial-0.svg'), 'utf8')).toContain('k-NN top-1')
  expect(readFileSync(join(folder, 'trial-1.svg'), 'utf8')).toContain('Loss, nats')
  for (const name of ['trial-0.svg', 'trial-1.svg', 'trial-2.svg']) {
    expect(readFileSync(join(folder, name), 'utf8')).not.toContain('NaN')
  }
  const json = JSON.parse(readFileSync(join(folder, 'trial.json'), 'utf8')) as { rows: { outcome: object }[] }
  expect(json.rows.every(({ outcome }) => outcome)).toBe(true)

  // Killed with its run, in the middle of the second: what was saved is gone on with.
  const runs = join(root, 'killed', 'tiny', 'runs')
  const killed = spawn(process.execPath, args('killed'), { stdio: 'ignore', detached: true }) // a group of its own
  const second = await until(() => {
    if (!existsSync(runs)) return undefined
    const folders = readdirSync(runs).filter((name) => existsSync(join(runs, name, 'checkpoint.safetensors')))
    return folders.find((name) => folders.length === 2 && !existsSync(join(runs, name, 'result.json')))
  })
  const first = Object.keys(results('killed'))[0]!
  const made = statSync(join(runs, first, 'result.json')).mtimeMs
  process.kill(-killed.pid!, 'SIGKILL')
  await until(() => (killed.exitCode !== null || killed.signalCode !== null ? true : undefined))
  const saved = await savedStep(join(runs, second))
  expect(saved).toBeGreaterThan(0)
  const before = logUpTo(join(runs, second), saved)

  const resumed = bench('killed')
  expect(resumed.status, resumed.stderr).toBe(0)
  expect(resumed.stderr).toContain('1 of 2 runs are there already')
  expect(statSync(join(runs, first, 'result.json')).mtimeMs).toBe(made)
  expect(logUpTo(join(runs, second), saved)).toBe(before) // with the times of steps: none that was saved is made again
  const [a, b] = [results('whole'), results('killed')]
  expect(Object.keys(b).sort()).toEqual(Object.keys(a).sort())
  for (const key of Object.keys(a)) expect(timeless(b[key]!)).toEqual(timeless(a[key]!))

  const again = bench('killed', '--jobs', '2')
  expect(again.status).toBe(0)
  expect(again.stderr).toContain('2 of 2 runs are there already')
})

test('a run that fails is told and shown, and the others are made', () => {
  const runs = join(root, 'failing', 'tiny', 'runs')
  mkdirSync(runs, { recursive: true })
  const small = Object.values(results('whole')).find(({ config }) => config.embedDim === 24)!
  writeFileSync(join(runs, small.key), 'a file where a folder has to be')
  const failing = bench('failing', '--jobs', '2')
  expect(failing.status).toBe(1)
  expect(failing.stderr).toMatch(/small, seed 0: failed: .*exists/i)
  expect(failing.stderr).toMatch(/smaller, seed 0: k-NN/)
  expect(failing.stdout).toMatch(/\| small \| - .*\| failed: /)
})

test('asked for wrongly, it says what is right', () => {
  const wrong = spawnSync(process.execPath, [cli, 'trial', '--data', join(root, 'none')], { encoding: 'utf8' })
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toContain('train/ and val/ missing')
  const tall = bench('x', '--only', 'tall')
  expect(tall.status).toBe(2)
  expect(tall.stderr).toContain('trial has no row tall. It has small, smaller')
})

/** Steps that a run's checkpoint has behind it. */
async function savedStep(folder: string): Promise<number> {
  const { metadata } = await readSafetensors(join(folder, 'checkpoint.safetensors'))
  return (JSON.parse(metadata!.progress!) as { iteration: number }).iteration
}

/** What metrics.jsonl says of the steps up to one; their scores come after the save. */
function logUpTo(folder: string, step: number): string {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').split('\n').slice(0, -1)
  const told = lines.map((line) => ({ line, ...(JSON.parse(line) as { iteration: number; loss?: number }) }))
  return told.flatMap(({ line, iteration, loss }) => (loss !== undefined && iteration <= step ? line : [])).join('\n')
}

async function until<T>(found: () => T | undefined): Promise<T> {
  const patience = performance.now() + 200_000
  while (performance.now() < patience) {
    const value = found()
    if (value !== undefined) return value
    await new Promise((later) => setTimeout(later, 20))
  }
  throw new Error('What was waited for did not happen.')
}
