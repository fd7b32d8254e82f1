import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import { readSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runApp } from '../app.js'

// `dino train --init` as a person gives it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
const at = (...path: string[]) => join(folder, ...path)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-init-run-'))
  const draws = stream(1, 'photos')
  for (const [label, hue] of Object.entries({ red: [200, 60, 60], blue: [60, 60, 200] })) {
    mkdirSync(at('photos', label), { recursive: true })
    for (let i = 0; i < 12; i++) {
      const pixels = Uint8Array.from({ length: 24 * 20 * 3 }, (_, k) => hue[k % 3]! + draws.integer(-50, 50))
      const photo = sharp(pixels, { raw: { width: 24, height: 20, channels: 3 } })
      await photo.png().toFile(at('photos', label, `${i}.png`))
    }
  }
  expect((await train('--output-dir', at('first'))).status).toBe(0)
})

afterAll(() => rmSync(folder, { recursive: true }))

async function train(...flags: string[]) {
  const out = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') => ({ write: (text: string) => void (out[name] += text) })
  const io = {
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    env: process.env,
    signal: new AbortController().signal,
    isTTY: false,
  }
  const quick = '--recipe demo --num-workers 0 --threads 1 --batch-size 6 --epochs 1 --warmup-epochs 0'.split(' ')
  return { status: await runApp(['train', '--data', at('photos'), ...quick, ...flags], io), ...out }
}

test('a run begins with another, tells what it took and how good it is, and goes on without that file', async () => {
  const whole = await train('--init', at('first'), '--output-dir', at('whole'))
  expect(whole.status).toBe(0)
  expect(whole.stderr).toMatch(/Init: .*first.checkpoint\.safetensors, networks, heads, center and optimizer/)
  expect(whole.stderr).toMatch(/before the first step: k-NN \(k=20\) teacher \d/)
  const { init } = JSON.parse(readFileSync(at('whole/checkpoint.json'), 'utf8'))
  expect(init).toMatchObject({ parts: 'all', digest: expect.stringMatching(/^[0-9a-f]{16}$/), knn: expect.any(Number) })

  expect((await train('--init', at('first'), '--output-dir', at('parts'), '--max-steps', '2')).status).toBe(0)
  renameSync(at('first'), at('gone'))
  const rest = await train('--init', at('first'), '--output-dir', at('parts'))
  renameSync(at('gone'), at('first'))
  expect(rest.status).toBe(0)
  expect(rest.stderr).toContain('going on after step 2')
  expect(rest.stderr).not.toContain('Init:')
  const [one, two] = await Promise.all(
    ['whole', 'parts'].map((run) => readSafetensors(at(run, 'checkpoint.safetensors'))),
  )
  expect(two!.tensors).toEqual(one!.tensors)
})

test('weights that do not fit leave nothing behind; other weights are another run', async () => {
  const wrong = await train('--init', at('first'), '--output-dir', at('wrong'), '--out-dim', '64')
  expect([wrong.status, existsSync(at('wrong'))]).toEqual([2, false])
  expect(wrong.stderr).toMatch(/Add --out-dim 512, or take the backbone alone with --init-parts backbone\.\n$/)

  const missing = await train('--init', at('nowhere'), '--output-dir', at('wrong'))
  expect([missing.status, missing.stderr]).toEqual([2, expect.stringContaining('nowhere: no such file or run folder')])

  const other = await train('--init', at('whole'), '--output-dir', at('first'))
  expect(other.status).toBe(2)
  expect(other.stderr).toMatch(/first holds another run \(--init not given there, .*whole here\)/)
})
