import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'
import { describe, expect, test, vi } from 'vitest'
import { type BackboneConfig, init } from '../../train/backbone.js'
import type { HostTensor } from '../../train/host-tensor.js'
import { toHost } from '../../train/model.js'
import { finetune as defaults } from './finetune-defaults.js'
import type { FinetuneSettings } from './finetune-settings.js'
import { compileFinetuneStep, initialState, trainedShapes } from './finetune-step.js'

vi.setConfig({ testTimeout: 120_000 }) // each compiles a graph

const B = 4
const S = 16
const tiny = vit.config('vit_tiny', { imgSize: S, patchSize: 8, embedDim: 16, depth: 2, numHeads: 2 })
const tinyResnet = resnet.config('resnet18', { layers: [1, 1, 1, 1], planes: [4, 8, 16, 32] })
const draws = stream(3, 'finetune-step')
const images = Uint8Array.from({ length: B * S * S * 3 }, () => draws.integer(0, 256))
const labels = Int32Array.of(0, 2, 1, 2)

const settings: FinetuneSettings = {
  ...defaults,
  imageSize: S,
  batchSize: B,
  warmupEpochs: 0,
  weightDecay: 0,
  dropPathRate: 0,
  precision: 'fp32',
}

interface Given {
  engine?: string
  backbone?: BackboneConfig
  settings?: Partial<FinetuneSettings>
  recompute?: boolean
  feeds?: Record<string, number | ArrayBufferView>
}

/** The state before and after one step at a rate of .01, and its loss. */
async function step({ engine = 'auto', backbone = tiny, feeds = {}, recompute = false, ...given }: Given = {}) {
  const model = { backbone, classes: 3, normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } }
  const before = initialState(model, toHost(init(backbone, 5)), 5)
  const session = await openSession({ engine })
  try {
    await session.create(before)
    const run = await compileFinetuneStep(session, model, { ...settings, ...given.settings, recompute })
    const { loss } = await run({ images, labels, lr: 0.01, ...feeds })
    return { before, after: await session.read(), loss: values(loss!)[0]!, tensors: session.memory().tensors }
  } finally {
    await session.close()
  }
}

const values = ({ data }: HostTensor) => data as Float32Array
const moved = (a: HostTensor, b: HostTensor) =>
  Math.max(...values(a).map((value, i) => Math.abs(value - values(b)[i]!)))

test('both engines take the same step', async () => {
  const [compiled, eager] = [await step(), await step({ engine: 'eager' })]
  expect(compiled.loss).toBeCloseTo(eager.loss, 5)
  expect(eager.tensors).toBe(0)
  for (const [name, tensor] of Object.entries(compiled.after)) {
    if (name.startsWith('optimizer.exp_avg.')) expect(moved(tensor, eager.after[name]!), name).toBeLessThan(1e-5)
  }
})

test('a fresh classifier is about as unsure as can be, and one step makes it better', async () => {
  const { loss, after } = await step()
  expect(Math.abs(loss - Math.log(3))).toBeLessThan(0.1)
  const model = { backbone: tiny, classes: 3, normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } }
  const session = await openSession()
  await session.create(after)
  const run = await compileFinetuneStep(session, model, { ...settings, recompute: false })
  expect(values((await run({ images, labels, lr: 0 })).loss!)[0]).toBeLessThan(loss)
  await session.close()
})

test('every tensor of a vision transformer is trained, layer by layer at its own rate', async () => {
  const { before, after } = await step({ settings: { layerDecay: 0.5 } })
  const rates: Record<string, number> = { 'blocks.0': 0.0025, 'blocks.1': 0.005, 'backbone.norm': 0.01, head: 0.01 }
  for (const name of Object.keys(before).filter((each) => !each.startsWith('optimizer.'))) {
    const part = Object.keys(rates).find((each) => name.includes(each))
    const rate = part ? rates[part]! : 0.00125
    // Adam's first step is the rate itself, wherever the gradient is not about 0.
    expect(moved(after[name]!, before[name]!), name).toBeGreaterThan(0.9 * rate)
    expect(moved(after[name]!, before[name]!), name).toBeLessThan(1.001 * rate)
  }
})

test('computing blocks again gives the same step', async () => {
  const [kept, again] = [await step(), await step({ recompute: true })]
  expect(again.loss).toBeCloseTo(kept.loss, 6)
  for (const [name, tensor] of Object.entries(kept.after))
    expect(moved(tensor, again.after[name]!), name).toBeLessThan(1e-4)
})

describe('mixup', () => {
  const mixed = (kept: number) => step({ settings: { mixup: 0.8 }, feeds: { kept } })

  test('a share of 1 or 0 is the batch, in one order or the other', async () => {
    const { loss } = await step()
    expect((await mixed(1)).loss).toBeCloseTo(loss, 6)
    expect((await mixed(0)).loss).toBeCloseTo(loss, 5)
  })

  test('an image and its partner trade places when the share does', async () => {
    const [few, many] = [await mixed(0.3), await mixed(0.7)]
    expect(few.loss).toBeCloseTo(many.loss, 5)
    expect(few.loss).not.toBeCloseTo((await step()).loss, 5)
  })
})

test('dropped branches of an image change the loss', async () => {
  const ones = new Float32Array(2 * tiny.depth * B).fill(1)
  const some = ones.map((_, i) => (i % 3 === 0 ? 0 : 1))
  const loss = async (dropPath: Float32Array) =>
    (await step({ settings: { dropPathRate: 0.5 }, feeds: { dropPath } })).loss
  expect(await loss(ones)).toBeCloseTo((await step()).loss, 6)
  expect(await loss(some)).not.toBeCloseTo((await step()).loss, 5)
})

test('a ResNet is trained by the statistics of its batch, and its running ones follow', async () => {
  const { before, after, loss } = await step({ backbone: tinyResnet })
  expect(Math.abs(loss - Math.log(3))).toBeLessThan(0.3)
  expect(moved(after['backbone.bn1.running_mean']!, before['backbone.bn1.running_mean']!)).toBeGreaterThan(0)
  expect(moved(after['backbone.conv1.weight']!, before['backbone.conv1.weight']!)).toBeCloseTo(0.01, 3)
})

// By torch 2.15 and timm's VisionTransformer, mixup_target and SoftTargetCrossEntropy in float64; torch.optim.AdamW with a group a tensor.
const torch = {
  kept: [0.3, 0.8, 0.5, 1, 0.6],
  losses: [2.095402, 1.375503, 1.101883, 1.074452, 1.07211],
  fc1: [-0.169841, -0.008945, 0.206631],
  headBias: [-0.235938, 0.020218, 0.220059],
}

test('five steps with smoothing, mixup, weight decay and layer decay equal PyTorch', async () => {
  const model = { backbone: tiny, classes: 3, normalization: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } }
  const state = initialState(model, toHost(init(tiny, 0)), 0)
  for (const [k, name] of Object.keys(trainedShapes(model)).sort().entries()) {
    const one = /norm\d?\.weight$/.test(name) ? 1 : 0
    values(state[name]!).forEach((_, i, all) => void (all[i] = 0.2 * Math.sin(i * 1.3 + k) + one))
  }
  const session = await openSession()
  await session.create(state)
  const options = { ...settings, smoothing: 0.1, mixup: 0.8, weightDecay: 0.05, layerDecay: 0.75, recompute: false }
  const run = await compileFinetuneStep(session, model, options)
  const pictures = Uint8Array.from({ length: images.length }, (_, i) => (i * i * 31 + i * 17) % 251)
  for (const [i, kept] of torch.kept.entries()) {
    const { loss } = await run({ images: pictures, labels, lr: 0.01, kept })
    expect(values(loss!)[0], `step ${i + 1}`).toBeCloseTo(torch.losses[i]!, 4)
  }
  const after = await session.read(['backbone.blocks.0.mlp.fc1.weight', 'head.linear.bias'])
  const [fc1, bias] = Object.values(after).map(values)
  for (const [i, value] of torch.fc1.entries()) expect(fc1![i]).toBeCloseTo(value, 4)
  for (const [i, value] of torch.headBias.entries()) expect(bias![i]).toBeCloseTo(value, 4)
  await session.close()
})
