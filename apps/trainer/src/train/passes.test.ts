import { compile, openSession, type PassOptions, type Session } from '@dino/graph'
import type * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { initStudent, type Setup } from './model.js'
import { dinoObjective } from './objective.js'
import { dinoStep, initialState } from './step.js'

const setup: Setup = {
  backbone: { imgSize: 16, patchSize: 8, embedDim: 24, depth: 2, numHeads: 2 },
  head: { inDim: 24, outDim: 96, hiddenDim: 32, bottleneckDim: 16 },
  loss: dinoObjective,
  teacher: 'momentum',
  optim: { name: 'adamw', clipGrad: 0.3, normLastLayer: true },
}
const wave = (size: number, frequency: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i * frequency))
const feeds = {
  global: wave(4 * 16 * 16 * 3, 0.37),
  local: wave(4 * 8 * 8 * 3, 0.73),
  dropPathGlobal: Float32Array.from({ length: 4 * 4 }, (_, i) => (i % 5 === 3 ? 0 : 1.25)),
  dropPathLocal: Float32Array.from({ length: 4 * 4 }, (_, i) => (i % 7 === 2 ? 0 : 1.25)),
  lr: 1e-3,
  weightDecay: 0.04,
  momentum: 0.99,
  teacherTemp: 0.04,
}

let session: Session
beforeAll(async () => {
  session = await openSession()
}, 60_000)
afterAll(() => session.close())

/** Three steps from the same start: what the last one measures, and all variables after it. */
async function train(passes: PassOptions): Promise<Record<string, Float32Array>> {
  const start = initialState(setup, initStudent(setup, 0))
  await session.create(start)
  const step = await compile(
    ({ global, local, dropPathGlobal, dropPathLocal, ...rest }, state) =>
      dinoStep(
        setup,
        {
          ...(rest as Record<'lr' | 'weightDecay' | 'momentum' | 'teacherTemp', tf.Scalar>),
          global: global as tf.Tensor4D,
          local: local as tf.Tensor4D,
          dropPathGlobal: dropPathGlobal as tf.Tensor2D,
          dropPathLocal: dropPathLocal as tf.Tensor2D,
        },
        state,
        { freezeLastLayer: false },
      ),
    {
      session,
      passes,
      inputs: {
        global: { shape: [4, 16, 16, 3] },
        local: { shape: [4, 8, 8, 3] },
        dropPathGlobal: { shape: [4, 4] },
        dropPathLocal: { shape: [4, 4] },
        ...Object.fromEntries(['lr', 'weightDecay', 'momentum', 'teacherTemp'].map((name) => [name, { shape: [] }])),
      },
    },
  )
  for (let i = 0; i < 2; i++) await step(feeds)
  const outputs = await step(feeds)
  const results = { ...outputs, ...(await session.read(Object.keys(start))) }
  step.dispose()
  await session.remove(Object.keys(start))
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data as Float32Array]))
}

let plain: Record<string, Float32Array>
beforeAll(async () => {
  plain = await train(false)
}, 60_000)

test.each<[string, PassOptions]>([
  ['every pass', { fuse: 'always' }],
  ['all but fuse', { fuse: false }],
  ...(['casts', 'fill', 'matmul', 'duplicates', 'bias', 'columnSums', 'deadCode'] as const).map(
    (name): [string, PassOptions] => [`all but ${name}`, { [name]: false }], // compiling what is fused takes 5 s
  ),
])('%s trains as none does', { timeout: 60_000 }, async (_, passes) => {
  const actual = await train(passes)
  expect(Object.keys(actual)).toEqual(Object.keys(plain))
  for (const [name, expected] of Object.entries(plain)) {
    // Softmax takes the key's bias out: its gradient is rounding noise, which Adam turns into whole steps.
    if (name.endsWith('qkv.bias')) continue
    const difference = expected.reduce((most, value, i) => {
      return Math.max(most, Math.abs(value - actual[name]![i]!) / Math.max(1, Math.abs(value)))
    }, 0)
    expect(difference, name).toBeLessThan(2e-4) // what the cases of kind `train` allow
  }
})
