import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { interleave } from '@dino/eval'
import { stream } from '@dino/random'
import * as resnet from '@dino/resnet'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runApp } from '../../app.js'
import type { HostTensor } from '../../train/host-tensor.js'
import { writeTinyVit } from '../tiny-vit.fixture.js'

// The command as a person calls it, on three colours of noise and a network with random weights.
const COLOURS = { blue: [60, 80, 190], green: [60, 190, 80], red: [190, 70, 60] }
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-linear-'))
  const draws = stream(0, 'pixels')
  for (const [part, count] of Object.entries({ train: 12, val: 4 })) {
    for (const [name, colour] of Object.entries(COLOURS)) {
      const classFolder = join(folder, 'data', part, name)
      mkdirSync(classFolder, { recursive: true })
      for (let i = 0; i < count; i++) {
        const pixels = Uint8Array.from({ length: 24 * 24 * 3 }, (_, j) => colour[j % 3]! + draws.integer(-50, 50))
        await sharp(pixels, { raw: { width: 24, height: 24, channels: 3 } })
          .png()
          .toFile(join(classFolder, `${i}.png`))
      }
    }
  }
  await writeTinyVit(at('vit.safetensors'))
})
afterAll(() => rmSync(folder, { recursive: true }))

async function dino(args: string, { abortAt }: { abortAt?: string } = {}) {
  const controller = new AbortController()
  const out = { stdout: '', stderr: '' }
  const code = await runApp(`eval linear ${args}`.split(' '), {
    stdout: { write: (text) => (out.stdout += text) },
    stderr: {
      write(text) {
        out.stderr += text
        if (abortAt && out.stderr.includes(abortAt)) controller.abort()
      },
    },
    env: process.env,
    signal: controller.signal,
    isTTY: false,
  })
  return { code, ...out }
}

const at = (name: string) => join(folder, name)
const vitAndData = () => `${at('vit.safetensors')} --data ${at('data')}`
const readJson = (name: string) => JSON.parse(readFileSync(at(name), 'utf8')) as Record<string, unknown>

test('a sweep tells how every learning rate did, and scores the best of them on val', async () => {
  const { code, stdout, stderr } = await dino(
    `${vitAndData()} --lr 0.001 1 1e38 --epochs 40 --cache-dir ${at('cache')} --output ${at('sweep/mine.json')}`,
  )
  expect(stderr).not.toContain('Error')
  expect(code).toBe(0)
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  expect(rows[0]).toEqual(['lr', 'held-out top-1 %', 'loss', 'held-out top-1 %, standardized', 'loss'])
  expect(rows[2]!.slice(0, 2)).toEqual(['1', '100.00'])
  expect(rows[3]).toEqual(['1e+38', '-', 'diverged', '-', 'diverged'])
  expect(stdout).toMatch(/lr 1, .*: the best on 3 held-out images of train\/; then trained on all of it\.\n/)
  expect(stdout).toMatch(/val top-1 % +top-5 % +loss\n +100.00 +100.00 /)
  const { sweep, ...result } = readJson('sweep/mine.json')
  expect(result).toMatchObject({
    ...{ blocks: 2, avgpool: false, classes: 3, train: 36, val: 12, heldOut: 3, lr: 1, top1: 100, epochs: 40 },
  })
  expect(sweep).toHaveLength(6)
  expect(sweep).toContainEqual({ lr: 1e38, standardize: true, loss: null, top1: 0, top5: 0 })
  expect(existsSync(at('linear.json'))).toBe(false)

  const again = await dino(`${vitAndData()} --lr 0.1 --standardize off --epochs 1 --cache-dir ${at('cache')} --json`)
  expect(again.stderr).toContain('train: features of 36 images were there')
  expect(JSON.parse(again.stdout)).toMatchObject({ lr: 0.1, standardized: false, val: 12 })
  expect(JSON.parse(again.stdout)).not.toHaveProperty('sweep')
})

test('standardized features find what features as they are hide behind a common mean, and the weights written take them in', async () => {
  const { tensors, metadata } = await readSafetensors(at('vit.safetensors'))
  const shift = { ...tensors['norm.bias']!, data: new Float32Array(32).fill(30) }
  const small = { ...tensors['norm.weight']!, data: new Float32Array(32).fill(0.01) }
  await writeSafetensors(at('hidden.safetensors'), { ...tensors, 'norm.bias': shift, 'norm.weight': small }, metadata)
  const call = `${at('hidden.safetensors')} --data ${at('data')} --lr 0.1 --epochs 20 --cache-dir ${at('cache')}`
  const plain = await dino(`${call} --standardize off --json`)
  const standardized = await dino(`${call} --output ${at('standardized.json')} --json`)
  expect(standardized.stderr).not.toContain('Error')
  const [{ top1: hidden }, { top1, loss, standardized: chosen }] = [plain, standardized].map(({ stdout }) =>
    JSON.parse(stdout),
  )
  expect(chosen).toBe(true)
  expect(top1).toBe(100)
  expect(hidden).toBeLessThan(100)
  const written = await dino(
    `${at('hidden.safetensors')} --data ${at('data')} --weights ${at('standardized.safetensors')} --json`,
  )
  expect(JSON.parse(written.stdout)).toMatchObject({ top1: 100 })
  expect((JSON.parse(written.stdout) as { loss: number }).loss).toBeCloseTo(loss, 2)
})

test('weights of an earlier call, and the official order of the same weights, give its score without training', async () => {
  const features = `--n-last-blocks 1 --avgpool --cache-dir ${at('cache')}`
  const first = await dino(`${vitAndData()} ${features} --lr 0.05 --epochs 3 --output ${at('first.json')}`)
  expect(first.code).toBe(0)
  const { loss, top1 } = readJson('first.json')
  const { tensors } = await readSafetensors(at('first.safetensors'))

  const [weight, bias] = [tensors['linear.weight']!, tensors['linear.bias']!]
  const official = interleave({ data: weight.data as Float32Array, rows: 3, dim: 64 }).data
  const { data } = weight as { data: ArrayBufferView } & HostTensor
  expect([...official.subarray(0, 4)]).toEqual([0, 32, 1, 33].map((i) => (data as Float32Array)[i]))
  await writeSafetensors(at('official.safetensors'), {
    'state_dict.module.linear.weight': { ...weight, data: official },
    'state_dict.module.linear.bias': bias,
  })
  for (const file of ['first', 'official']) {
    const again = await dino(`${vitAndData()} ${features} --weights ${at(`${file}.safetensors`)} --json`)
    expect(again.stderr).not.toContain('Error')
    const score = JSON.parse(again.stdout) as { loss: number; top1: number }
    expect(score.loss).toBeCloseTo(loss as number, 4)
    expect(score.top1).toBe(top1)
  }
})

test('an augmented probe that Ctrl-C stopped becomes what it would have become at once, bit for bit', async () => {
  const settings = `--augmented --lr 0.1 --epochs 3 --batch-size 16 --num-workers 0`
  const whole = await dino(`${vitAndData()} ${settings} --cache-dir ${at('whole')} --output ${at('whole.json')}`)
  expect(whole.code).toBe(0)
  expect(whole.stderr).toMatch(/epoch 3\/3: val top-1 \d/)

  const parts = `${vitAndData()} ${settings} --cache-dir ${at('parts')} --output ${at('parts.json')}`
  const stopped = await dino(parts, { abortAt: 'epoch 1/3' })
  expect(stopped.code).toBe(130)
  expect(stopped.stderr).toMatch(/Saved after \d of 9 batches; the same command goes on/)
  expect(existsSync(at('parts.json'))).toBe(false)
  const rest = await dino(parts)
  expect(rest.stderr).toMatch(/Goes on from .*, epoch 2 of 3/)
  expect(rest.code).toBe(0)
  expect(readFileSync(at('parts.safetensors'))).toEqual(readFileSync(at('whole.safetensors')))

  const done = await dino(parts)
  expect(done.stderr).toContain('is done')
  expect(readJson('parts.json')).toEqual(readJson('whole.json'))
})

test("a ResNet's pooled map is probed, and has no blocks to choose from", async () => {
  const config = resnet.config('resnet18', { layers: [1, 1, 1, 1], planes: [8, 8, 8, 8] })
  const weights: Record<string, HostTensor> = {}
  for (const [name, tensor] of Object.entries(resnet.init(config, 0))) {
    weights[name] = { dtype: 'float32', shape: [...tensor.shape], data: tensor.dataSync<'float32'>().slice() }
    tensor.dispose()
  }
  await writeSafetensors(at('resnet.safetensors'), weights)
  const call = `${at('resnet.safetensors')} --data ${at('data')} --image-size 32 --lr 0.1 --epochs 20 --json`
  const { stdout, stderr } = await dino(call)
  expect(stderr).not.toContain('Error')
  expect(JSON.parse(stdout)).toMatchObject({ blocks: 1, avgpool: false, train: 36, val: 12 })
  expect((JSON.parse(stdout) as { top1: number }).top1).toBeGreaterThan(50) // a third is chance
  const refused = await dino(`${call} --avgpool`)
  expect(refused.stderr).toContain('are for vision transformers. A ResNet gives its pooled map')
  expect(refused.code).toBe(2)
})

test.each([
  [
    '--data nowhere',
    'nowhere/train and nowhere/val missing. The linear probe needs train/ and val/, one sub-folder per class',
  ],
  ['--data nowhere --weights w', 'nowhere/val missing. --weights needs val/, one sub-folder per class'],
  ['--data DATA --n-last-blocks 4', '--n-last-blocks 4: the backbone has 2'],
  ['--data DATA --augmented --lr 0.1 0.2', '--augmented takes one learning rate, got 2'],
  ['--data DATA --augmented --weights w', '--augmented is for training'],
  ['--data DATA --augmented --standardize', '--standardize needs all features beforehand'],
  ['--data DATA --avgpool maybe', '--avgpool: expected on or off, got "maybe"'],
])('%s is refused: %s', async (flags, message) => {
  const { code, stderr } = await dino(`${at('vit.safetensors')} ${flags.replace('DATA', at('data'))}`)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})

test('weights of other features, of other classes or of something else are refused with the reason', async () => {
  const linear = (classes: number, dim: number, names?: string[]) =>
    writeSafetensors(
      at('other.safetensors'),
      {
        'linear.weight': { dtype: 'float32', shape: [classes, dim], data: new Float32Array(classes * dim) },
        'linear.bias': { dtype: 'float32', shape: [classes], data: new Float32Array(classes) },
      },
      names && { classes: JSON.stringify(names) },
    )
  const refusal = async () => (await dino(`${vitAndData()} --weights ${at('other.safetensors')}`)).stderr
  await linear(3, 96)
  expect(await refusal()).toContain('a classifier of 96 features, and cls of 2 blocks of this backbone are 64')
  await linear(1000, 64)
  expect(await refusal()).toContain('tells 1000 classes apart, and val/ has 3 classes')
  await linear(3, 64, ['cat', 'dog', 'red'])
  expect(await refusal()).toContain('tells 3 classes apart, and val/ has other classes')
  await writeSafetensors(at('other.safetensors'), { bias: { dtype: 'float32', shape: [1], data: new Float32Array(1) } })
  expect(await refusal()).toContain(
    'holds no linear classifier: expected one float32 linear.weight of 2 dimensions, got 0',
  )
})
