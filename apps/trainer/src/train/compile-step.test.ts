import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { describe, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { type CropFeeds, trainStep } from './compile-step.js'
import type { HostTensor } from './host-tensor.js'
import { initStudent } from './model.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

/** Six images. SGD without clipping: what a parameter moves by is its gradient. */
const small: TrainOptions = {
  data: 'in memory',
  arch: 'vit_tiny',
  patchSize: 8,
  embedDim: 24,
  depth: 3,
  numHeads: 2,
  outDim: 32,
  headHiddenDim: 32,
  headBottleneckDim: 16,
  globalCropsSize: 32,
  localCropsSize: 16,
  localCropsNumber: 3,
  batchSize: 6,
  dropPathRate: 0.3,
  optimizer: 'sgd',
  clipGrad: 0,
  epochs: 10,
}

// Each compiles several graphs, on two cores that other tests use too.
vi.setConfig({ testTimeout: 120_000 })

describe.each(['auto', 'eager'])('on engine %s', (engine) => {
  test.each<[string, TrainOptions & { keepAll?: boolean }]>([
    ['in parts of two images', { microBatch: 2 }],
    ['image by image', { microBatch: 1 }],
    ['with blocks computed again', { recompute: true }],
    ['that keeps all for its gradients', { keepAll: true }],
    ['that leaves out the rows that are dropped', { dropPathRows: 'kept' }],
    [
      'in parts that leave them out, with blocks computed again',
      { microBatch: 3, dropPathRows: 'kept', recompute: true },
    ],
    ['image by image, with blocks computed again', { microBatch: 1, recompute: true }],
  ])('a step %s is the step of the whole batch', async (_, options) => {
    const whole = await steps({}, engine)
    const other = await steps(options, engine)
    for (const [name, value] of Object.entries(whole.outputs)) {
      expect(other.outputs[name], name).toBeCloseTo(value, 4)
    }
    expect(Object.keys(other.state)).toEqual(Object.keys(whole.state))
    for (const [name, value] of Object.entries(whole.state)) {
      expect(distance(other.state[name]!, value), name).toBeLessThan(1e-5)
    }
  })
})

test('several batches of a step give what one batch of all their images does, as long as the center stands still', async () => {
  const whole = await steps({ centerMomentum: 1 })
  for (const options of [{ microBatch: 1 }, {}]) {
    const several = await steps({ centerMomentum: 1, batchSize: 2, accumulate: 3, ...options })
    for (const [name, value] of Object.entries(whole.state)) {
      expect(distance(several.state[name]!, value), name).toBeLessThan(1e-5)
    }
  }
})

test('the center moves with each batch of a step', async () => {
  const [one, two] = [
    await steps({ batchSize: 2, accumulate: 1 }, 'auto', 1),
    await steps({ batchSize: 2, accumulate: 3 }, 'auto', 1),
  ]
  const ratio = norm(two.state.center!) / norm(one.state.center!)
  expect(ratio).toBeGreaterThan(1.5) // three batches of one teacher: 1 - 0.9³ = 0.271 instead of 0.1
})

/** Two optimizer steps on six images each (`count`), in batches of the configuration's size. */
async function steps(
  { keepAll = false, ...options }: TrainOptions & { keepAll?: boolean },
  engine = 'auto',
  count = 2,
) {
  const config = resolveConfig({ ...small, ...options })
  const setup = { ...setupOf(config), ...(keepAll && { recompute: undefined }) }
  const session = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : { threads: 1 })
  try {
    await session.create(initialState(setup, initStudent(setup, 5)))
    const names = Object.keys(session.specs())
    const step = await trainStep(session, setup, config, false)
    let outputs: Record<string, HostTensor> = {}
    for (let i = 0; i < count; i++) {
      const schedule = { lr: 0.1, weightDecay: 0.01, momentum: 0.9, teacherTemp: 0.05 }
      outputs = await step.run(batches(config.batchSize, config.accumulate, i), schedule)
    }
    const scalars = Object.entries(outputs).map(([name, { data }]) => [name, (data as Float32Array)[0]!] as const)
    return { outputs: Object.fromEntries(scalars), state: await session.read(names) }
  } finally {
    await session.close()
  }
}

/** Six images and their draws, in batches: whatever the size, image i is the same. */
function batches(B: number, count: number, step: number): CropFeeds[] {
  const images = 6
  const L = small.localCropsNumber!
  const bytes = (key: string, length: number) => {
    const draws = stream(1, key, step)
    return Uint8Array.from({ length }, () => draws.uniform(0, 255))
  }
  const masks = (rows: number) => vit.dropPathMask({ depth: 3, rate: 0.3, batch: rows * images, seed: 1, step })
  const [global, local] = [bytes('global', 2 * images * 32 * 32 * 3), bytes('local', L * images * 16 * 16 * 3)]
  const [dropPathGlobal, dropPathLocal] = [masks(2), masks(L)]
  return Array.from({ length: count }, (_, k) => ({
    global: part(global, 2, k),
    local: part(local, L, k),
    dropPathGlobal: part(dropPathGlobal, 2 * 3 * 2, k),
    dropPathLocal: part(dropPathLocal, 2 * 3 * L, k),
  }))

  /** Of an array [rows, images, …], the images of batch k. */
  function part<T extends Uint8Array | Float32Array>(all: T, rows: number, k: number): T {
    const each = all.length / (rows * images)
    const kept = Array.from({ length: rows }, (_, row) =>
      all.subarray((row * images + k * B) * each, (row * images + (k + 1) * B) * each),
    )
    return (all instanceof Uint8Array ? Uint8Array : Float32Array).from(kept.flatMap((row) => [...row])) as unknown as T
  }
}

/** The largest difference, relative to the largest element if that is above 1. */
function distance(a: HostTensor, b: HostTensor): number {
  const other = b.data as Float32Array
  const scale = other.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
  return (a.data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0) / scale
}

function norm({ data }: HostTensor): number {
  return Math.hypot(...(data as Float32Array))
}
