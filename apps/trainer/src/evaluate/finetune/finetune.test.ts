import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runApp } from '../../app.js'
import { loadBackbone } from '../../inspect/backbone.js'
import { toHost } from '../../train/model.js'

// The command as a person gives it, on photos of two colours.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
const at = (...path: string[]) => join(folder, ...path)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-finetune-'))
  const draws = stream(1, 'photos')
  for (const part of ['train', 'val']) {
    for (const [label, hue] of Object.entries({ red: [200, 60, 60], blue: [60, 60, 200] })) {
      mkdirSync(at('data', part, label), { recursive: true })
      for (let i = 0; i < 9; i++) {
        const pixels = Uint8Array.from({ length: 24 * 20 * 3 }, (_, k) => hue[k % 3]! + draws.integer(-50, 50))
        const photo = sharp(pixels, { raw: { width: 24, height: 20, channels: 3 } })
        await photo.png().toFile(at('data', part, label, `${i}.png`))
      }
    }
    writeFileSync(at('data', part, 'red', 'broken.png'), 'no picture')
  }
  copyFileSync(at('data/val/red/0.png'), at('data/train/loose.png')) // without a class: not used
  const config = vit.config('vit_tiny', { imgSize: 16, patchSize: 8, embedDim: 32, depth: 2, numHeads: 1 })
  await writeSafetensors(at('weights.safetensors'), toHost(vit.init(config, 1)), { num_heads: '1' })
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs a command line; `stopAt` presses Ctrl-C when stderr has said that. */
async function dino(line: string, stopAt?: RegExp) {
  const stop = new AbortController()
  const out = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') => ({
    columns: 200,
    rows: 40,
    write(text: string) {
      out[name] += text
      if (stopAt?.test(out[name])) stop.abort()
    },
  })
  const io = { stdout: sink('stdout'), stderr: sink('stderr'), env: process.env, signal: stop.signal, isTTY: !!stopAt }
  return { status: await runApp(line.split(' '), io), ...out }
}

const quick = '--epochs 3 --batch-size 4 --lr 0.1 --min-lr 0 --num-workers 0 --threads 1'
const finetune = (output: string, flags = '', stopAt?: RegExp) =>
  dino(
    `eval finetune ${at('weights.safetensors')} --data ${at('data')} --output-dir ${at(output)} ${quick} ${flags}`.trim(),
    stopAt,
  )

test('two colours are told apart; the weights are written as timm names them, and can be used', async () => {
  const { status, stdout, stderr } = await finetune('whole', '--json')
  expect(status).toBe(0)
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({
    epochs: 3,
    batchSize: 4,
    warmupEpochs: 0,
    imageSize: 16,
    train: 19,
    classes: 2,
    top1: 100,
  })
  expect(result.scores.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2, 3])
  expect(result.scores[2].loss).toBeLessThan(result.scores[0].loss)
  expect(JSON.parse(readFileSync(at('whole/finetune.json'), 'utf8'))).toEqual(result)
  expect(stderr).toMatch(/epoch 3\/3: loss \d.*, val top-1 100\.00 %/)
  expect(stderr).toMatch(/Set aside, not readable: .*train.red.broken\.png/)
  expect(stderr.match(/Left out, not readable: .*val.red.broken\.png/g)).toHaveLength(1)

  const { tensors, metadata } = await readSafetensors(at('whole/weights.safetensors'))
  expect(tensors['head.weight']!.shape).toEqual([2, 32])
  expect(tensors['head.bias']!.shape).toEqual([2])
  expect(JSON.parse(metadata.classes!)).toEqual(['blue', 'red'])
  const tuned = await loadBackbone(at('whole/weights.safetensors'))
  const began = await loadBackbone(at('weights.safetensors'))
  expect(tuned.config).toEqual(began.config)
  expect(tuned.tensors.cls_token!.data).not.toEqual(began.tensors.cls_token!.data)

  const again = await finetune('whole', '--json')
  expect([again.status, again.stdout]).toEqual([0, stdout])
})

test.each([
  ['within an epoch', /step 1\/12/],
  ['while val/ is scored', /val: images|epoch 1\/3:/],
])('Ctrl-C %s saves, exits with 130, and the same command goes on to the same weights', async (when, stopAt) => {
  const flags = '--mixup 0.8 --color-jitter 0.4 --layer-decay 0.8 --drop-path-rate 0.2 --weight-decay 0.1'
  const whole = await finetune('all', flags)
  expect(whole.status).toBe(0)
  const output = `parts ${when}`.replaceAll(/\W/g, '-')
  const stopped = await finetune(output, flags, stopAt)
  expect(stopped.status).toBe(130)
  expect(stopped.stderr).toContain('The same command goes on')
  expect(existsSync(at(output, 'weights.safetensors'))).toBe(false)
  const rest = await finetune(output, flags)
  expect(rest.stderr).toContain('going on after step')
  expect(rest.stdout).toBe(whole.stdout)
  const [one, two] = await Promise.all(['all', output].map((name) => readSafetensors(at(name, 'weights.safetensors'))))
  expect(two!.tensors).toEqual(one!.tensors)
})

test('other settings, weights or images are another fine-tuning: the folder is left alone', async () => {
  expect((await finetune('mine')).status).toBe(0)
  const before = readFileSync(at('mine/checkpoint.safetensors'))
  const other = await dino(
    `eval finetune ${at('weights.safetensors')} --data ${at('data')} --output-dir ${at('mine')} --epochs 4 --batch-size 4 --lr 0.1 --min-lr 0`,
  )
  expect(other.stderr).toMatch(/mine holds another fine-tuning \(--epochs 3 there, 4 here\)/)
  expect(other.status).toBe(2)
  await writeSafetensors(
    at('others.safetensors'),
    toHost(vit.init((await loadBackbone(at('weights.safetensors'))).config, 2)),
  )
  const weights = await dino(
    `eval finetune ${at('others.safetensors')} --data ${at('data')} --output-dir ${at('mine')} ${quick}`,
  )
  expect([weights.status, weights.stderr]).toEqual([2, expect.stringContaining('weights of')])
  expect(readFileSync(at('mine/checkpoint.safetensors'))).toEqual(before)
})

test('from nothing: an architecture is named, and a checkpoint has its own', async () => {
  const data = `--data ${at('data')} --epochs 1 --batch-size 9 --num-workers 0`
  const random = await dino(
    `eval finetune random --arch vit_tiny --patch-size 16 --image-size 32 ${data} --output-dir ${at('random')} --json`,
  )
  expect(random.status).toBe(0)
  expect(JSON.parse(random.stdout)).toMatchObject({
    checkpoint: 'random vit_tiny',
    imageSize: 32,
    scores: [{ epoch: 1 }],
  })
  const like = await dino(
    `eval finetune random --like ${at('weights.safetensors')} ${data} --output-dir ${at('like')} --json`,
  )
  expect(JSON.parse(like.stdout)).toMatchObject({ imageSize: 16, scores: [{ epoch: 1 }] })
  const { tensors } = await readSafetensors(at('like/weights.safetensors'))
  expect(tensors['blocks.1.attn.qkv.weight']!.shape).toEqual([96, 32])
  for (const [line, message] of [
    [`random --arch vit_tiny --like ${at('weights.safetensors')} ${data}`, 'random: expected --arch'],
    [`random ${data}`, 'random: expected --arch (such as vit_small)'],
    [`${at('weights.safetensors')} --arch vit_tiny ${data}`, '--arch is for fresh weights'],
    [`${at('weights.safetensors')} --like x ${data}`, '--like is for fresh weights'],
    [
      `${at('weights.safetensors')} --data ${at('data')} --batch-size 40`,
      '--batch-size 40 is larger than the training set',
    ],
    [`${at('weights.safetensors')} --data ${at('data', 'train')}`, 'Fine-tuning needs train/ and val/'],
    [`${at('weights.safetensors')} ${data} --warmup-epochs 2`, '--warmup-epochs 2 is longer than --epochs 1'],
    [`${at('weights.safetensors')} ${data} --smoothing 1`, '--smoothing: expected a number from 0 to below 1, got 1'],
    [
      `${at('weights.safetensors')} ${data} --layer-decay 0`,
      '--layer-decay: expected a number above 0, up to 1, got 0',
    ],
    [`${at('weights.safetensors')} ${data} --mixup -1`, '--mixup: expected a number, at least 0, got "-1"'],
  ] as const) {
    const { status, stderr } = await dino(`eval finetune ${line}`)
    expect(stderr).toContain(message)
    expect(status).toBe(2)
  }
})
