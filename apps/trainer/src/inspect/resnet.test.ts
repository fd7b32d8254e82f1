import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import * as resnet from '@dino/resnet'
import type { HostTensor } from '@dino/weights'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runApp } from '../app.js'

// The commands as a person gives them, on photos of two colours and a ResNet of one narrow block a stage.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
const at = (...path: string[]) => join(folder, ...path)
const planes = [8, 8, 12, 16] as const
const small =
  '--arch resnet18 --resnet-layers 1 1 1 1 --resnet-planes 8 8 12 16 --global-crops-size 32 --local-crops-size 16 ' +
  '--local-crops-number 2 --out-dim 32 --head-hidden-dim 32 --head-bottleneck-dim 16 --batch-size 4 --epochs 1 ' +
  '--warmup-epochs 0 --optimizer sgd --num-workers 0 --threads 1'

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-resnet-'))
  const draws = stream(1, 'photos')
  for (const part of ['train', 'val']) {
    for (const [label, colour] of Object.entries({ red: [200, 60, 60], blue: [60, 60, 200] })) {
      mkdirSync(at('data', part, label), { recursive: true })
      for (let i = 0; i < 6; i++) {
        const pixels = Uint8Array.from({ length: 40 * 36 * 3 }, (_, k) => colour[k % 3]! + draws.integer(-50, 50))
        const photo = sharp(pixels, { raw: { width: 40, height: 36, channels: 3 } })
        await photo.png().toFile(at('data', part, label, `${i}.png`))
      }
    }
  }
  const { status, stderr } = await dino(`train --data ${at('data/train')} --output-dir ${at('run')} ${small}`)
  expect(stderr).toContain('epoch 1: k-NN')
  expect(status).toBe(0)
})

afterAll(() => rmSync(folder, { recursive: true }))

async function dino(line: string) {
  const out = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') => ({
    columns: 200,
    rows: 40,
    write(text: string) {
      out[name] += text
    },
  })
  const signal = new AbortController().signal
  const io = { stdout: sink('stdout'), stderr: sink('stderr'), env: process.env, signal, isTTY: false }
  return { status: await runApp(line.split(' '), io), ...out }
}

async function featuresOf(file: string): Promise<HostTensor> {
  const output = at(`${file.replaceAll('/', '-')}.features`)
  const line = `extract ${at(file)} --data ${at('data/val')} --image-size 32 --output ${output}`
  const { status, stderr } = await dino(line)
  expect(stderr).not.toContain('Error')
  expect(status).toBe(0)
  return (await readSafetensors(output)).tensors.features!
}

test('a run is scored by its running statistics, which are in its checkpoint under their official names', async () => {
  const { status, stdout } = await dino(`eval knn ${at('run')} --data ${at('data')} --k 3 --json`)
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ imageSize: 32, train: 12, val: 12 })
  const { tensors } = await readSafetensors(at('run/checkpoint.safetensors'))
  for (const network of ['student', 'teacher']) {
    for (const [name, shape] of Object.entries(resnet.buffers({ block: 'basic', layers: [1, 1, 1, 1], planes }))) {
      expect(tensors[`${network}.backbone.${name}`]?.shape, name).toEqual(shape)
    }
  }
  expect(tensors['optimizer.momentum.backbone.bn1.running_mean']).toBeUndefined()
})

test('what is exported is read again with the same features, and so is what PyTorch would have saved of it', async () => {
  const expected = await featuresOf('run')
  expect(expected.shape).toEqual([12, planes[3]])
  const exported = await dino(`export ${at('run')} --format safetensors --output ${at('plain')}`)
  expect(exported.stdout).toContain('tensors of a ResNet (1, 1, 1, 1 basic blocks, 32 pixels)')
  expect(await featuresOf('plain')).toEqual(expected)

  const { tensors } = await readSafetensors(at('plain'))
  const count: HostTensor = { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) }
  const fc: HostTensor = { dtype: 'float32', shape: [1, 16], data: new Float32Array(16) }
  const named = { ...tensors, 'bn1.num_batches_tracked': count, 'layer1.0.bn1.num_batches_tracked': count }
  const wrapped = Object.entries(named).map(([name, tensor]) => [`module.backbone.${name}`, tensor])
  await writeSafetensors(at('torchvision'), { ...named, 'fc.weight': fc })
  await writeSafetensors(at('wrapped'), Object.fromEntries(wrapped))
  for (const file of ['torchvision', 'wrapped']) expect(await featuresOf(file)).toEqual(expected)
})

test('what looks at attention or tokens refuses a ResNet, and says what takes one', async () => {
  const image = at('data/val/red/0.png')
  for (const line of [
    `attention ${image} --checkpoint ${at('run')} --output-dir ${at('maps')}`,
    `export ${at('run')} --format huggingface --output ${at('hf')}`,
  ]) {
    const { status, stderr } = await dino(line)
    expect(stderr).toMatch(/holds a ResNet, which has neither patches nor attention.*dino eval knn/)
    expect(status).toBe(2)
  }
})

test('a dry run estimates its step, and the program of it is shown', async () => {
  const dry = await dino(`train --data ${at('data/train')} --output-dir ${at('dry')} ${small} --dry-run --json`)
  expect(dry.status).toBe(0)
  const estimate = JSON.parse(dry.stdout)
  const shapes = Object.values(resnet.shapes({ block: 'basic', layers: [1, 1, 1, 1], planes }))
  const count = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
  expect(estimate.parameters.backbone).toBe(count)
  expect(estimate.tokens).toBeUndefined()
  expect(estimate.secondsPerStep).toBeGreaterThan(0)
  const shown = await dino(`train --data ${at('data/train')} --output-dir ${at('dry')} ${small} --print-graph`)
  for (const op of ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter', 'MaxPoolGrad']) {
    expect(shown.stdout).toContain(`${op}(`)
  }
})

test('the recipe rn50 is the convnet that the reference advises', async () => {
  const { stdout } = await dino(`train --data x --recipe rn50 --print-config`)
  const config = JSON.parse(stdout)
  expect(config).toMatchObject({
    arch: 'resnet50',
    optimizer: 'sgd',
    lr: 0.03,
    weightDecay: 1e-4,
    weightDecayEnd: 1e-4,
  })
  expect(config).toMatchObject({ globalCropsScale: [0.14, 1], localCropsScale: [0.05, 0.14], dropPathRate: 0 })
  expect(config.patchSize).toBeUndefined()
  expect(readFileSync(at('run/config.json'), 'utf8')).not.toContain('patchSize')
})
