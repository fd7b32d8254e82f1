import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runApp } from '../../app.js'
import { toHost } from '../../train/model.js'

// The command as a person gives it, on pictures of two colours, which a network with random weights tells apart.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const RED = [200, 60, 60]
const BLUE = [60, 60, 200]
let folder: string
const at = (...path: string[]) => join(folder, ...path)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-knn-'))
  const draws = stream(1, 'pictures')
  const paint = async (path: string, colour: number[]) => {
    mkdirSync(join(path, '..'), { recursive: true })
    const pixels = Uint8Array.from({ length: 20 * 20 * 3 }, (_, i) => colour[i % 3]! + draws.integer(-20, 20))
    await sharp(pixels, { raw: { width: 20, height: 20, channels: 3 } })
      .png()
      .toFile(path)
  }
  for (let i = 0; i < 6; i++) {
    await paint(at('data/train/red', `${i}.png`), RED)
    await paint(at('data/train/blue', `${i}.png`), BLUE)
  }
  for (let i = 0; i < 3; i++) await paint(at('data/val/red', `${i}.png`), RED)
  for (let i = 0; i < 4; i++) await paint(at('data/val/blue', `${i}.png`), i === 3 ? RED : BLUE) // the last is told wrongly
  await paint(at('data/val/green/0.png'), BLUE) // a class that nobody votes for
  const config = vit.config('vit_tiny', { imgSize: 16, patchSize: 8, embedDim: 32, depth: 2, numHeads: 1 })
  await writeSafetensors(at('weights.safetensors'), toHost(vit.init(config, 1)), { num_heads: '1' })
})

afterAll(() => rmSync(folder, { recursive: true }))

async function knn(data: string, flags: string) {
  const out = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (out[name] += text) })
  const line = `eval knn ${at('weights.safetensors')} --data ${at(data)} --cache-dir ${at('cache')} ${flags}`
  const io = { stdout: write('stdout'), stderr: write('stderr'), env: process.env, isTTY: false }
  const status = await runApp(line.trim().split(' '), { ...io, signal: new AbortController().signal })
  return { status, ...out }
}

test('classes have scores of their own, the worst first; the result goes where it is asked for', async () => {
  const { status, stdout, stderr } = await knn('data', `--k 5 10 --per-class --output ${at('knn.json')}`)
  expect(status, stderr).toBe(0)
  expect(stdout.split('\n').map((line) => line.trimEnd().replace(/ {2,}/g, '|'))).toEqual([
    ' k|top-1 %|top-5 %',
    ' 5|75.00|100.00',
    '10|75.00|100.00',
    '',
    'k = 5, the worst class first; mean of the classes 58.33 %',
    '',
    'class|images|top-1 %|top-5 %|most confused with',
    'green|1|0.00|100.00|blue (1)',
    'blue|4|75.00|100.00|red (1)',
    'red|3|100.00|100.00',
    '',
  ])
  expect(JSON.parse(readFileSync(at('knn.json'), 'utf8'))).toMatchObject({
    train: 12,
    val: 8,
    knn: { 10: { perClass: [{ class: 'blue', confusedWith: { class: 'red', rows: 1 } }, {}, { class: 'green' }] } },
  })
  expect(existsSync(at('weights.json'))).toBe(false)
})

test('few labels are drawn for several seeds, with mean and spread; a k beyond them is said', async () => {
  const { status, stdout, stderr } = await knn('data', '--k 1 20 --shots 1 3 --fraction 0.5 1 --seeds 3 --json')
  expect(status).toBe(0)
  const { seeds, fewShot, knn: whole } = JSON.parse(stdout)
  expect(seeds).toBe(3)
  expect(whole).toBeUndefined()
  expect(fewShot).toMatchObject([
    { shots: 1, train: 2 },
    { shots: 3, train: 6 },
    { fraction: 0.5, train: 6 },
    { fraction: 1, train: 12 },
  ])
  for (const { knn } of fewShot) {
    expect(knn[1].top1).toEqual({ mean: 75, std: 0, values: [75, 75, 75] }) // any red is nearer to red than a blue is
  }
  for (const size of [2, 6, 12])
    expect(stderr).toContain(`k = 20: there are ${size} images to vote, and all of them do.`)

  const table = await knn('data', '--k 1 --shots 2 --seeds 2')
  expect(table.stdout).toMatch(/^of train\/ +images +k +top-1 % +top-5 %\n2 a class +4 +1 +75\.00 ± 0\.00 +/)
})

test('bf16 features score the same on pictures this far apart, and are kept apart from those of fp32', async () => {
  const whole = await knn('data', '--k 5 --json')
  const { status, stdout, stderr } = await knn('data', '--k 5 --precision bf16 --json')
  expect(status, stderr).toBe(0)
  expect(stderr).toContain('train: images 12/12')
  expect(JSON.parse(stdout)).toEqual({ ...JSON.parse(whole.stdout), precision: 'bf16' })
  expect((await knn('data', '--k 5 --precision bf16 --engine eager')).stderr).toContain(
    '--precision bf16 needs TensorFlow',
  )
})

test('one folder is scored by leaving one out', async () => {
  const { status, stdout, stderr } = await knn('data/train', '--leave-one-out --k 3 12 --json')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ leaveOneOut: true, train: 12, knn: { 3: { top1: 100 } } })
  expect(JSON.parse(stdout).val).toBeUndefined()
  expect(stderr).toContain('k = 12: there are 11 images to vote')
})

test.each([
  ['data', '--leave-one-out', 'holds train/ and val/: leave out --leave-one-out'],
  ['data/train/red', '--leave-one-out', '--leave-one-out needs one folder with a sub-folder for each class'],
  ['data', '--leave-one-out --shots 1', '--shots draws from train/, and --leave-one-out has none'],
  ['data', '--per-class --fraction 0.1', '--per-class is a table of one score, and --fraction gives several'],
  ['data', '--seeds 3', '--seeds is of --shots and --fraction'],
  ['data', '--fraction 0', '--fraction: expected a number, above 0, at most 1, got "0"'],
  ['data', '--shots 0.5', '--shots: expected a whole number, at least 1, got "0.5"'],
])('%s with %s is bad usage', async (data, flags, message) => {
  const { status, stderr } = await knn(data, flags)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})
