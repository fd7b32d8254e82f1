import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { normalizeImages } from '../inspect/embed.js'
import { trainStep } from './compile-step.js'
import type { HostTensor } from './host-tensor.js'
import { forward, initStudent, withoutPrefix } from './model.js'
import { setupOf } from './setup.js'
import { floats, small } from './small-run.fixture.js'
import { initialState } from './step.js'

vi.setConfig({ testTimeout: 120_000 })

const [B, size, M] = [3, 32, 10]
const width = small.headBottleneckDim!
const settings: TrainOptions = {
  ...small,
  recipe: 'moco-v2',
  batchSize: B,
  localCropsNumber: 0,
  headBottleneckDim: width,
  queueSize: M,
  dropPathRate: 0,
}

test.each([
  ['auto', false],
  ['eager', false],
  ['auto', true],
] as const)(
  'on engine %s, with a symmetric loss %s, the queue holds the keys that were compared, newest first',
  async (engine, symmetricLoss) => {
    const config = resolveConfig({ ...settings, symmetricLoss })
    const setup = setupOf(config)
    const start = initialState(setup, initStudent(setup, 5))
    const session = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : { threads: 1 })
    const states = [start]
    try {
      await session.create(start)
      const step = await trainStep(session, setup, config, false)
      for (const images of [crops(0), crops(1)]) {
        await step.run([{ global: images }], { lr: 0.1, weightDecay: 0.01, momentum: 0.9, teacherTemp: 0.05 })
        states.push(await session.read(Object.keys(start)))
      }
    } finally {
      await session.close()
    }

    // Of each batch the keys of the teacher as it was before the step: of both views, or of the second, MoCo's key, alone.
    const [first, second] = [0, 1].map((i) => unitKeys(config, states[i]!, crops(i)).slice(symmetricLoss ? 0 : B))
    const initial = rows(start.queue!)
    for (const [state, expected] of [
      [states[1]!, [...first!, ...initial]],
      [states[2]!, [...second!, ...first!, ...initial]],
    ] as const) {
      expect(state.queue!.shape).toEqual([M, width])
      for (const [i, row] of rows(state.queue!).entries()) {
        for (const [d, x] of row.entries()) expect(Math.abs(x - expected[i]![d]!), `key ${i}`).toBeLessThan(1e-4)
      }
    }
    expect(distance(first![0]!, initial[0]!)).toBeGreaterThan(0.1) // rows that can be told apart
    expect(distance(first![0]!, second![0]!)).toBeGreaterThan(1e-3)
  },
)

/** Both views of three images, view by view. */
function crops(step: number): Uint8Array {
  const draws = stream(1, 'crops', step)
  return Uint8Array.from({ length: 2 * B * size * size * 3 }, (_, i) => draws.uniform(0, 25 + 33 * (i % 7)))
}

function unitKeys(config: ReturnType<typeof resolveConfig>, state: Record<string, HostTensor>, images: Uint8Array) {
  const params = Object.fromEntries(
    Object.entries(withoutPrefix('teacher.', state)).map(([name, { data, shape }]) => [
      name,
      tf.tensor(data as Float32Array, shape),
    ]),
  )
  const pixels = normalizeImages(tf.tensor4d(images, [2 * B, size, size, 3], 'int32'), config)
  const { logits } = forward(setupOf(config), params, [{ images: pixels }])
  return (logits.arraySync() as number[][]).map((key) => key.map((x) => x / Math.hypot(...key)))
}

function rows(queue: HostTensor): number[][] {
  return Array.from({ length: M }, (_, i) => [...floats(queue).subarray(i * width, (i + 1) * width)])
}

function distance(a: number[], b: number[]): number {
  return Math.hypot(...a.map((x, i) => x - b[i]!))
}
