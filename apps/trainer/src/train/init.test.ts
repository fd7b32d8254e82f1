import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cases } from '@dino/fixtures'
import { openSession } from '@dino/graph'
import * as vit from '@dino/vit'
import { readPyTorch, writeSafetensors } from '@dino/weights/node'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { Failure } from '../report/io.js'
import { checkpointPath, loadCheckpoint } from './checkpoint.js'
import type { HostTensor } from './host-tensor.js'
import { loadInit } from './init.js'
import { printInit } from './init-report.js'
import { knnGuard } from './knn-guard.js'
import { initStudent, withoutPrefix } from './model.js'
import { setupOf } from './setup.js'
import { coloured, floats, small } from './small-run.fixture.js'
import { initialState } from './step.js'
import { runTraining, type StepRecord } from './training.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-init-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs from a state, or goes on from a checkpoint; gives the losses. */
async function losses(
  options: TrainOptions,
  from: Partial<Parameters<typeof runTraining>[0]>,
  state?: Record<string, HostTensor>,
) {
  const session = await openSession({ threads: 1 })
  try {
    if (state) await session.create(state)
    const records: StepRecord[] = []
    const hooks = { onStep: (record: StepRecord) => void records.push(record) }
    await runTraining({ config: resolveConfig(options), images: coloured(24), session, hooks, ...from })
    return records.map(({ loss }) => loss)
  } finally {
    await session.close()
  }
}

describe('from a run of our own', () => {
  const options: TrainOptions = { ...small, maxSteps: 6 }
  beforeAll(async () => {
    await losses(options, { folder: join(folder) })
  })

  test('everything is as that run left it, and the next run takes the steps that it would have taken', async () => {
    const { tensors, progress } = await loadCheckpoint(checkpointPath(folder))
    const { state, report, origin } = await loadInit(resolveConfig({ ...small, init: folder }))
    expect(state).toEqual(tensors)
    expect(report).toMatchObject({ resized: [], fresh: [], unused: [] })
    expect(origin).toMatchObject({ file: checkpointPath(folder), parts: 'all' })

    const next = { ...small, lr: 0.01, freezeLastLayer: 0, maxSteps: 3 }
    const began = await losses(next, { origin }, state)
    const gone = await losses(next, { checkpoint: { tensors, progress: { ...progress, iteration: 0 } } })
    expect(began).toEqual(gone)
  })

  test('the checkpoints of the new run say what it began with', async () => {
    const { state, origin } = await loadInit(resolveConfig({ ...small, init: folder }))
    const output = mkdtempSync(join(folder, 'next-'))
    await losses({ ...small, maxSteps: 1 }, { origin: { ...origin, knn: 50 }, folder: output }, state)
    const checkpoint = await loadCheckpoint(checkpointPath(output))
    expect(checkpoint.progress.init).toEqual({ ...origin, knn: 50 })
    await losses({ ...small, maxSteps: 2 }, { checkpoint, folder: output })
    expect((await loadCheckpoint(checkpointPath(output))).progress.init).toEqual({ ...origin, knn: 50 })
  })

  test("the backbone alone is the teacher's, in both networks, under a fresh head", async () => {
    const { tensors } = await loadCheckpoint(checkpointPath(folder))
    const config = resolveConfig({ ...small, outDim: 40, init: folder, initParts: 'backbone' })
    const { state, report } = await loadInit(config)
    const fresh = initialState(setupOf(config), initStudent(setupOf(config), config.seed), config.seed)
    const backbone = withoutPrefix('teacher.backbone.', tensors)
    expect(withoutPrefix('teacher.backbone.', state)).toEqual(backbone)
    expect(withoutPrefix('student.backbone.', state)).toEqual(backbone)
    for (const name of Object.keys(fresh).filter((each) => !each.includes('.backbone.')))
      expect(state[name], name).toEqual(fresh[name])
    expect(floats(state['optimizer.exp_avg.backbone.cls_token']!).every((value) => value === 0)).toBe(true)
    expect(report.notes).toEqual([expect.stringMatching(/the rest of the file, \d+ tensors, is left out/)])
  })

  test('position embeddings of another grid are resized, and the network sees what it saw', async () => {
    const size = 48 // a grid of 6 x 6, where there were 4 x 4
    const { tensors } = await loadCheckpoint(checkpointPath(folder))
    const config = resolveConfig({ ...small, globalCropsSize: size, init: folder })
    const { state, report } = await loadInit(config)
    expect(report.resized).toEqual(['student.backbone.pos_embed', 'teacher.backbone.pos_embed'])
    expect(report.fresh.sort()).toEqual(
      ['exp_avg', 'exp_avg_sq', 'step'].map((slot) => `optimizer.${slot}.backbone.pos_embed`),
    )
    for (const name of report.fresh) expect(floats(state[name]!).every((value) => value === 0)).toBe(true)
    const images = tf.sin(tf.mul(tf.reshape(tf.range(0, size * size * 3), [1, size, size, 3]), 0.1)) as tf.Tensor4D
    const features = (of: Record<string, HostTensor>, network: typeof config) => {
      const params = Object.entries(withoutPrefix('teacher.backbone.', of)).map(
        ([name, { shape, data }]) => [name, tf.tensor(data as Float32Array, shape)] as const,
      )
      return vit.apply(setupOf(network).backbone as vit.VitConfig, Object.fromEntries(params), images).dataSync()
    }
    const [before, after] = [features(tensors, resolveConfig(small)), features(state, config)]
    for (const [i, value] of before.entries()) expect(after[i]).toBeCloseTo(value, 5)
  })

  test.each<[string, TrainOptions, RegExp]>([
    [
      'more prototypes',
      { outDim: 64 },
      /last_layer.* has shape \[32.*\], this run needs \[64.*Add --out-dim 32, or take the backbone alone with --init-parts backbone/,
    ],
    ['another hidden width', { headHiddenDim: 16 }, /Add --head-hidden-dim 32, or/],
    ['another width', { embedDim: 12 }, /Add --embed-dim 24, or/],
    ['another depth', { depth: 3 }, /blocks\.2\..* is missing .*Add --depth 2, or/],
    ['other heads', { numHeads: 3 }, /attention has heads \[2\], this run needs \[3\]\. Add --num-heads 2/],
    ['other patches', { patchSize: 4 }, /Add --patch-size 8/],
    ['another width, for the backbone alone', { embedDim: 12, initParts: 'backbone' }, /Add --embed-dim 24\.$/],
    [
      'a ResNet',
      {
        arch: 'resnet18',
        patchSize: undefined,
        embedDim: undefined,
        depth: undefined,
        numHeads: undefined,
        initParts: 'backbone',
      },
      /--embed-dim 24 --depth 2 --num-heads 2 --patch-size 8/,
    ],
  ])('%s: refused, with what would fit', async (_, changed, message) => {
    const config = resolveConfig({ ...small, init: folder, ...changed })
    const failure = await loadInit(config).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Failure)
    expect((failure as Failure).message).toMatch(message)
    expect((failure as Failure).exitCode).toBe(2)
  })

  test('plain weights have a backbone only', async () => {
    const { tensors } = await loadCheckpoint(checkpointPath(folder))
    const file = join(folder, 'plain.safetensors')
    await writeSafetensors(file, withoutPrefix('teacher.backbone.', tensors))
    const { state, origin, report } = await loadInit(resolveConfig({ ...small, init: file }))
    expect(origin.parts).toBe('backbone')
    expect(withoutPrefix('student.backbone.', state)).toEqual(withoutPrefix('teacher.backbone.', tensors))
    expect(report.notes).toEqual(['the file does not say how many attention heads it has: taken for 2'])
    await expect(loadInit(resolveConfig({ ...small, init: file, initParts: 'all' }))).rejects.toThrow(
      'holds no training checkpoint (student and teacher, each with its head). Use --init-parts backbone',
    )
  })
})

describe.each(cases<{ files: string[] }>('checkpoint')[0]!.files)('from a checkpoint of the reference (%s)', (file) => {
  const { dir } = cases('checkpoint')[0]!
  const [train] = cases<Record<string, number> & { config: Record<string, number> }>('train')
  const { config, out_dim, hidden_dim, bottleneck_dim, steps, iterations_per_epoch, freeze_last_layer } = train!
  const options: TrainOptions = {
    ...small,
    embedDim: config.embed_dim,
    depth: config.depth,
    numHeads: config.num_heads,
    patchSize: config.patch_size,
    globalCropsSize: config.img_size,
    outDim: out_dim,
    headHiddenDim: hidden_dim,
    headBottleneckDim: bottleneck_dim,
    init: join(dir, file),
  }

  test('networks, heads, center and moments are taken by name', async () => {
    const { tensors } = await readPyTorch(join(dir, file))
    const { state, report, origin } = await loadInit(resolveConfig(options))
    expect(origin.parts).toBe('all')
    expect(report).toMatchObject({ resized: [], fresh: [], unused: [] })
    expect(state.center).toEqual(tensors['dino_loss.center'])
    expect(withoutPrefix('student.', state)).toEqual(withoutPrefix('student.module.', tensors))
    expect(withoutPrefix('teacher.', state)).toEqual(withoutPrefix('teacher.', tensors))
    // Decaying parameters come first there, in the order of the model: 0 is cls_token, 14 weight_v, 15 the first bias.
    for (const [number, name] of [
      [0, 'backbone.cls_token'],
      [3, 'backbone.blocks.0.attn.qkv.weight'],
      [14, 'head.last_layer.weight_v'],
      [15, 'backbone.patch_embed.proj.bias'],
      [36, 'head.mlp.4.bias'],
    ])
      for (const slot of ['exp_avg', 'exp_avg_sq'])
        expect(floats(state[`optimizer.${slot}.${name}`]!)).toEqual(
          floats(tensors[`optimizer.state.${number}.${slot}`]!),
        )
  })

  test('moments belong to their parameters', async () => {
    const { state } = await loadInit(resolveConfig(options))
    const count = (name: string) => floats(state[`optimizer.step.${name}`]!)[0]
    expect(count('backbone.norm.bias')).toBe(steps)
    expect(count('head.last_layer.weight_v')).toBe(steps! - freeze_last_layer! * iterations_per_epoch!)
    // A key's bias moves all scores of a query alike, which softmax does not see: its gradient is 0 but for rounding.
    const moments = floats(state['optimizer.exp_avg.backbone.blocks.0.attn.qkv.bias']!).map(Math.abs)
    const [query, key, value] = [0, 1, 2].map((third) => {
      return Math.max(...moments.subarray((third * moments.length) / 3, ((third + 1) * moments.length) / 3))
    }) as [number, number, number]
    expect(key).toBeLessThan(1e-3 * Math.min(query, value))
  })

  test('training goes on from it', async () => {
    const { state, origin } = await loadInit(resolveConfig(options))
    const [first] = await losses({ ...options, lr: 0.001, freezeLastLayer: 0, maxSteps: 2 }, { origin }, state)
    const fresh = await losses({ ...options, init: undefined, maxSteps: 1 }, {})
    expect(Number.isFinite(first)).toBe(true)
    expect(first).not.toBe(fresh[0])
  })

  test('prototypes of another number are refused, and the backbone alone is taken', async () => {
    const other = { ...options, outDim: 2 * out_dim! }
    await expect(loadInit(resolveConfig(other))).rejects.toThrow(
      `Add --out-dim ${out_dim}, or take the backbone alone with --init-parts backbone.`,
    )
    const { state, report } = await loadInit(resolveConfig({ ...other, initParts: 'backbone' }))
    const { tensors } = await readPyTorch(join(dir, file))
    expect(withoutPrefix('student.backbone.', state)).toEqual(withoutPrefix('teacher.backbone.', tensors))
    expect(report.notes.join()).toContain('how many attention heads')
  })
})

test('the report tells names, counts and what is missing', async () => {
  const config = resolveConfig({ ...small, init: folder, globalCropsSize: 48 })
  const text = printInit(await loadInit(config))
  expect(text).toMatch(/^Init: .*checkpoint\.safetensors, networks, heads, center and optimizer \([0-9a-f]{16}\)\n/)
  expect(text).toMatch(/matched: student\.backbone\.\* \d+, student\.head\.\* 8, .*center\n/)
  expect(text).toContain('resized to this grid: student.backbone.pos_embed, teacher.backbone.pos_embed\n')
  expect(text).toContain('not in it, fresh: optimizer.exp_avg.backbone.pos_embed')
  expect(text).toContain('as its run left it after step 6\n')
})

test('a run that unlearns what it began with is told once', () => {
  const guard = knnGuard(50)
  expect([55, 48, 46.9, 30].map((score) => guard(score) !== undefined)).toEqual([false, false, true, false])
  expect(knnGuard(undefined)(0)).toBeUndefined()
})
