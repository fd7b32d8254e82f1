import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// The built command, as a person runs it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const small = '--recipe demo --depth 2 --batch-size 4 --epochs 2 --warmup-epochs 0 --num-workers 0 --threads 1'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-graph-'))
  mkdirSync(join(folder, 'photos'))
  for (let i = 0; i < 12; i++) {
    const background = { r: 20 * i, g: 128, b: 255 - 20 * i }
    await sharp({ create: { width: 40, height: 40, channels: 3, background } }).toFile(join(folder, `photos/${i}.png`))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

function dino(line: string) {
  return spawnSync(process.execPath, [cli, ...line.split(' ')], { cwd: folder, encoding: 'utf8', maxBuffer: 1 << 28 })
}

test('--print-graph prints the step by scope, and --dump-graph writes what TensorBoard reads; no image is read', () => {
  const { status, stdout, stderr } = dino(`train --data nowhere ${small} --print-graph --dump-graph step.pb`)
  expect([status, stderr]).toEqual([0, expect.stringMatching(/^step.*: \d+ nodes in step\.pb\n$/)])
  for (const scope of ['teacher/blocks.0/attn', 'student/blocks.1/mlp', 'student/head', 'loss', 'optimizer', 'ema']) {
    expect(stdout).toMatch(new RegExp(`# .*${scope}\\b`))
  }
  expect(stdout).toMatch(/# .*backward\/.*student\/blocks\.0\/attn\n/)
  expect(readFileSync(join(folder, 'step.pb')).toString('latin1')).toContain('student/blocks.1/mlp')

  const parts = dino(`train --data nowhere ${small} --micro-batch 2 --dump-graph events`)
  expect(parts.status).toBe(0)
  const written = readdirSync(join(folder, 'events')).sort()
  expect(written).toEqual(['end-of-the-step', expect.stringMatching(/^part/)])
  expect(readdirSync(join(folder, 'events', written[0]!))).toEqual([expect.stringContaining('tfevents')])
})

test('--profile tells where the time went, and the run goes on', () => {
  const { status, stderr } = dino(`train --data photos ${small} --output-dir run --profile 2`)
  expect(status).toBe(0)
  expect(stderr).toContain('Profile of 2 steps')
  expect(stderr).toMatch(/share +ms +calls +op\n/)
  expect(stderr).toMatch(/ backward\/student\/blocks/)
  expect(stderr).toContain('Done: step 6 of 6')
  const { traceEvents } = JSON.parse(readFileSync(join(folder, 'run/profile.json'), 'utf8'))
  expect(traceEvents.length).toBeGreaterThan(100)
})

test('a profile that the run is too short for tells of the steps that there were', () => {
  const { stderr } = dino(`train --data photos ${small} --output-dir short --profile 100`)
  expect(stderr).toContain('Profile of 2 steps') // the third of each epoch: then the last layer thaws
})

test.each([
  ['--profile 0', 2, '--profile: expected a whole number, at least 1, got "0"'],
  ['--engine eager --print-graph', 2, '--print-graph, --dump-graph: the eager engine has no graph'],
  ['--device tpu', 2, '--device: expected one of cpu, gpu, gpu:0'],
  ['--engine eager --device cpu', 2, '--device is for TensorFlow, and --engine is eager'],
  ['--device gpu:7 --print-graph', 1, '--device gpu:7: there is no device /device:GPU:7. There is /device:CPU:0'],
])('dino train %s is refused', (flags, code, message) => {
  const { status, stderr, stdout } = dino(`train --data photos ${small} --output-dir refused ${flags}`)
  expect(stderr).toContain(message)
  expect([status, stdout]).toEqual([code, ''])
})
