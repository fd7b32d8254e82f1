import { openSession, type Session } from '@dino/graph'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainConfig, TrainOptions } from '../config/schema.js'
import type { HostTensor } from './host-tensor.js'
import type { TrainImages } from './images.js'
import { coloured, floats, largest, small } from './small-run.fixture.js'
import { NonFiniteStep, runTraining, type StepRecord } from './training.js'

const { patchSize: _p, embedDim: _w, depth: _d, numHeads: _h, ...common } = small
/** A ResNet of one narrow block a stage. */
const smallResnet: TrainOptions = {
  ...common,
  arch: 'resnet18',
  resnetLayers: [1, 1, 1, 1],
  resnetPlanes: [8, 8, 12, 16],
  optimizer: 'sgd',
}

// Each compiles several graphs, on two cores that other tests use too.
vi.setConfig({ testTimeout: 120_000 })

describe('a run', () => {
  let images: TrainImages
  beforeAll(() => {
    images = coloured(24)
  })

  test.each<[string, TrainOptions]>([
    ['ViT', { ...small, maxSteps: 6 }],
    ['ResNet', { ...smallResnet, batchSize: 2, warmupEpochs: 0, freezeLastLayer: 0, maxSteps: 3 }], // slow in JavaScript
  ])('of a %s is the same on the compiled engine and eagerly', async (_, options) => {
    const config = resolveConfig(options)
    const compiled = await run(config, images, { engine: 'auto' })
    const eager = await run(config, images, { engine: 'eager', eagerBackend: 'cpu' })
    for (const [i, { loss, teacherEntropy, kl }] of compiled.records.entries()) {
      expect(loss).toBeCloseTo(eager.records[i]!.loss, 4)
      expect(teacherEntropy).toBeCloseTo(eager.records[i]!.teacherEntropy!, 4)
      expect(kl).toBeCloseTo(eager.records[i]!.kl!, 4)
    }
    expect(compiled.records).toHaveLength(config.maxSteps!)
    for (const [name, value] of Object.entries(compiled.state)) {
      expect(largest(value, eager.state[name]!), name).toBeLessThan(2e-4)
    }
  })

  test.each<[string, TrainOptions]>([
    ['no worker', { ...small, numWorkers: 0 }],
    ['one worker', { ...small, numWorkers: 1 }],
    ['two workers', { ...small, numWorkers: 2 }],
    ['parts of batches', { ...small, microBatch: 1, batchSize: 3, accumulate: 2, recompute: true }],
    ['a ResNet', smallResnet],
    ['batches of a ResNet', { ...smallResnet, batchSize: 3, accumulate: 2 }],
    [
      'a queue of keys',
      { ...small, loss: 'infonce', symmetricLoss: false, centering: 'none', lastLayer: 'none', queueSize: 20 },
    ],
  ])('stopped and resumed ends as one that was not, bit for bit, with %s', async (_, options) => {
    const whole = await run(resolveConfig(options), images)
    for (const maxSteps of [2, 5]) {
      const config = resolveConfig({ ...options, maxSteps })
      const first = await run(config, images)
      const { maxSteps: _, ...rest } = config
      const second = await run(rest, images, {
        checkpoint: {
          tensors: first.state,
          progress: { iteration: maxSteps, iterationsPerEpoch: 4, config, images },
        },
      })
      expect(second.records.map(({ loss }) => loss)).toEqual(whole.records.slice(maxSteps).map(({ loss }) => loss))
      expect(bytes(second.state)).toEqual(bytes(whole.state))
    }
  })
})

test('the last layer does not move while it is frozen, and its moments stay zero', async () => {
  const { state, before } = await run(resolveConfig({ ...small, maxSteps: 4 }), coloured(24))
  expect(state['student.head.last_layer.weight_v']).toEqual(before['student.head.last_layer.weight_v'])
  expect(floats(state['optimizer.step.head.last_layer.weight_v']!)).toEqual(new Float32Array([0]))
  expect(floats(state['optimizer.step.head.mlp.0.weight']!)).toEqual(new Float32Array([4]))
})

test('a step that is not finite changes nothing, and its images are named', async () => {
  const images = coloured(24)
  const config = resolveConfig({ ...small, maxSteps: 6 })
  const { state } = await run(resolveConfig({ ...small, maxSteps: 5 }), images)
  const bias = floats(state['student.head.mlp.0.bias']!)
  bias[3] = Number.POSITIVE_INFINITY
  const session = await openSession()
  sessions.push(session)
  const progress = { iteration: 5, iterationsPerEpoch: 4, config, images }
  const failure = await runTraining({ config, images, session, checkpoint: { tensors: state, progress } }).catch(
    (e) => e,
  )
  expect(failure).toBeInstanceOf(NonFiniteStep)
  expect(failure.iteration).toBe(6)
  expect(failure.images).toHaveLength(6)
  expect(bytes(await session.read())).toEqual(bytes(state))
})

interface Ran {
  records: StepRecord[]
  before: Record<string, HostTensor>
  state: Record<string, HostTensor>
}

const sessions: Session[] = []
afterAll(async () => {
  for (const session of sessions) await session.close()
})

async function run(
  config: TrainConfig,
  images: TrainImages,
  {
    checkpoint,
    ...engine
  }: { engine?: string; eagerBackend?: string } & Pick<Parameters<typeof runTraining>[0], 'checkpoint'> = {},
): Promise<Ran> {
  const session = await openSession({ ...engine, threads: engine.engine === 'eager' ? undefined : 1 })
  sessions.push(session)
  const records: StepRecord[] = []
  let before: Record<string, HostTensor> = {}
  const create = session.create.bind(session)
  session.create = async (values) => {
    before = { ...values }
    await create(values)
  }
  await runTraining({ config, images, session, checkpoint, hooks: { onStep: (record) => void records.push(record) } })
  return { records, before, state: await session.read() }
}

function bytes(state: Record<string, HostTensor>): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { data }]) => [name, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]),
  )
}
