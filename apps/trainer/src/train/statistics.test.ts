import { compile, openSession, type Session } from '@dino/graph'
import { stream } from '@dino/random'
import * as resnet from '@dino/resnet'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { normalizeImages } from '../inspect/embed.js'
import type { Params } from './backbone.js'
import { trainStep } from './compile-step.js'
import type { HostTensor } from './host-tensor.js'
import { initStudent, withoutPrefix } from './model.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

// Each compiles several graphs, on two cores that other tests use too.
vi.setConfig({ testTimeout: 120_000 })

const L = 2
const small: TrainOptions = {
  data: 'in memory',
  arch: 'resnet18',
  resnetLayers: [1, 1, 1, 1],
  resnetPlanes: [8, 8, 12, 16],
  outDim: 16,
  headHiddenDim: 16,
  headBottleneckDim: 8,
  globalCropsSize: 32,
  localCropsNumber: L,
  batchSize: 3,
}
const layers = { block: 'basic', layers: [1, 1, 1, 1], planes: [8, 8, 12, 16] } as const

let session: Session
beforeAll(async () => {
  session = await openSession({ threads: 1 })
}, 60_000)
afterAll(() => session.close())

/** Passes over groups of images in turn, each beginning with the statistics that the one before it left. */
const groups: Record<string, (global: tf.Tensor4D, local: tf.Tensor4D) => tf.Tensor4D[]> = {
  'global crops, then local ones': (global, local) => [global, local],
  'all crops at once': (global, local) => [tf.concat4d([global, local], 0)],
  'global crops alone': (global) => [global],
}

/** The running statistics after the passes, computed without the trainer. */
async function byHand(start: Record<string, HostTensor>, images: Images, passes: (typeof groups)[string]) {
  const names = Object.keys(start).filter((name) => name.startsWith('student.backbone.'))
  const compiled = await compile(
    ({ global, local, ...given }) => {
      const params = withoutPrefix('student.backbone.', given as Params)
      let outputs: Params = {}
      for (const images of passes(normalized(global!), normalized(local!)))
        outputs = resnet.applyTraining(layers, { ...params, ...outputs }, images).buffers
      return { outputs }
    },
    {
      session,
      inputs: {
        global: { shape: images.global.shape, dtype: 'uint8' },
        local: { shape: images.local.shape, dtype: 'uint8' },
        ...Object.fromEntries(names.map((name) => [name, { shape: start[name]!.shape }])),
      },
    },
  )
  const fed = Object.fromEntries(names.map((name) => [name, start[name]!.data as Float32Array]))
  return compiled({ global: images.global.data, local: images.local.data, ...fed })
}

type Images = ReturnType<typeof crops>

function crops(localSize: number, B = 3) {
  const noise = (key: string, shape: [number, number, number, number]) => {
    const draws = stream(1, key)
    const size = shape.reduce((a, b) => a * b)
    const [low, high] = key === 'global' ? [0, 200] : [100, 255]
    return { shape, data: Uint8Array.from({ length: size }, () => draws.uniform(low!, high!)) }
  }
  return { global: noise('global', [2 * B, 32, 32, 3]), local: noise('local', [L * B, localSize, localSize, 3]) }
}

function normalized(images: tf.Tensor): tf.Tensor4D {
  return normalizeImages(images as tf.Tensor4D, resolveConfig(small))
}

test.each([
  [16, 1, 'global crops, then local ones'],
  [32, 1, 'all crops at once'], // crops of one size are one group
  [16, 2, 'global crops, then local ones'],
])(
  'with local crops of %i pixels and %i batches the student keeps the statistics of %s, the teacher its own',
  async (size, accumulate, passes) => {
    const config = resolveConfig({ ...small, localCropsSize: size, accumulate })
    const setup = setupOf(config)
    const start = initialState(setup, initStudent(setup, 4))
    await session.create(start)
    const step = await trainStep(session, setup, config, false)
    const images = crops(size)
    const batch = { global: images.global.data, local: images.local.data }
    const schedule = { lr: 0.1, weightDecay: 0.01, momentum: 0.5, teacherTemp: 0.04 }
    await step.run(Array(accumulate).fill(batch), schedule)
    const state = await session.read()
    step.dispose()
    await session.remove(Object.keys(session.specs()))

    const repeated = (name: string) => (global: tf.Tensor4D, local: tf.Tensor4D) =>
      Array.from({ length: accumulate }, () => groups[name]!(global, local)).flat()
    const expected = {
      student: await byHand(start, images, repeated(passes)),
      teacher: await byHand(start, images, repeated('global crops alone')),
    }
    for (const [network, statistics] of Object.entries(expected)) {
      for (const [name, { data }] of Object.entries(statistics)) {
        const actual = state[`${network}.backbone.${name}`]!.data as Float32Array
        const difference = actual.reduce((most, x, i) => Math.max(most, Math.abs(x - (data as Float32Array)[i]!)), 0)
        expect(difference, `${network} ${name}`).toBeLessThan(1e-5)
      }
      expect(Object.keys(statistics)).toEqual(Object.keys(resnet.buffers(layers)))
    }
  },
)
