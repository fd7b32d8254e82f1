import { openSession } from '@dino/graph'
import { infoNce, meanSquaredError, swappedPrediction } from '@dino/loss'
import { stream } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainConfig, TrainOptions } from '../config/schema.js'
import { normalizeImages } from '../inspect/embed.js'
import { type CropFeeds, trainStep } from './compile-step.js'
import type { HostTensor } from './host-tensor.js'
import { forward, initStudent, withoutPrefix } from './model.js'
import { cost } from './objective.js'
import { schedules } from './schedules.js'
import { setupOf } from './setup.js'
import { floats, largest, small } from './small-run.fixture.js'
import { initialState } from './step.js'

// Each compiles several graphs, on two cores that other tests use too.
vi.setConfig({ testTimeout: 120_000 })

/** The recipes as they are, at the size of a second: what they say of method, head, loss and teacher stays. */
const [B, size, M, dim, L] = [3, 32, 10, 16, 2]
const { localCropsNumber: _, outDim: K, ...sizes } = small
const recipes = {
  byol: { ...sizes, recipe: 'byol', predictorHiddenDim: 20 },
  'moco-v2': { ...sizes, recipe: 'moco-v2', queueSize: M },
  swav: { ...sizes, recipe: 'swav', localCropsNumber: L, outDim: K },
} satisfies Record<string, TrainOptions>

type State = Record<string, HostTensor>

test('BYOL: the student predicts, both directions count, and the teacher is its average alone', async () => {
  const { config, states, losses, swapped } = await twoSteps(recipes.byol)
  const predictors = (of: string) => Object.keys(states[0]!).filter((name) => name.startsWith(`${of}.predictor.`))
  expect([predictors('student').length, predictors('teacher').length]).toEqual([6, 0]) // two layers, a batch norm
  expect(Object.keys(states[0]!).filter((name) => /queue|last_layer/.test(name))).toEqual([])
  expect(floats(states[2]!.center!).every((x) => x === 0)).toBe(true)

  const [first, second] = losses
  expect(first).toBeCloseTo(value(byHand(config, states[0]!, 0, meanSquaredError)), 3)
  expect(second).toBeCloseTo(value(byHand(config, states[1]!, 1, meanSquaredError)), 3)
  expect(Math.abs(swapped - second!)).toBeLessThan(1e-5)
  expectAverage(config, states)
  expectNoGradientOfTheTeacher(config)
})

test('MoCo-v2: one query and one key, a queue of unit keys, and a momentum of .999 from start to end', async () => {
  const { config, states, losses, swapped } = await twoSteps(recipes['moco-v2'])
  expect(Object.keys(states[0]!).filter((name) => /predictor|last_layer/.test(name))).toEqual([])
  for (const key of rows(states[2]!.queue!)) expect(Math.hypot(...key)).toBeCloseTo(1, 5)

  const loss = (student: tf.Tensor2D, teacher: tf.Tensor2D, { queue }: Record<string, tf.Tensor>) =>
    infoNce(student, teacher, queue as tf.Tensor2D, { temperature: 0.2, symmetric: false })
  expect(losses[0]).toBeCloseTo(value(byHand(config, states[0]!, 0, loss)), 3) // against the queue as before the step
  expect(losses[1]).toBeCloseTo(value(byHand(config, states[1]!, 1, loss)), 3)
  expect(Math.abs(swapped - losses[1]!)).toBeGreaterThan(1e-3)

  const { momentum } = schedules(config, 7)
  expect([momentum.length, ...new Set(momentum)]).toEqual([7 * config.epochs, 0.999])
  expectAverage(config, states)
  expectNoGradientOfTheTeacher(config)
})

test('SwAV: codes of the student itself, both views and the local ones predict, unit prototypes fixed for an epoch', async () => {
  const { config, states, losses, swapped } = await twoSteps(recipes.swav)
  expect(losses[0]).toBeCloseTo(value(byHand(config, states[0]!, 0, swappedPrediction)), 3)
  expect(losses[1]).toBeCloseTo(value(byHand(config, states[1]!, 1, swappedPrediction)), 3)
  expect(Math.abs(swapped - losses[1]!)).toBeLessThan(1e-5)

  const prototypes = 'student.head.last_layer.weight_v'
  expect(states[1]![prototypes]).toEqual(states[0]![prototypes])
  expect(largest(states[2]![prototypes]!, states[1]![prototypes]!)).toBeGreaterThan(1e-3)
  expect([...new Set(floats(states[2]!['student.head.last_layer.weight_g']!))]).toEqual([1])
  const scores = byHand(config, states[2]!, 0, (student) => tf.max(tf.abs(student)) as tf.Scalar)
  expect(value(scores)).toBeLessThanOrEqual(1 + 1e-6) // cosines
  expectAverage(config, states)
  expectNoGradientOfTheTeacher(config)
})

test.each([
  ['auto', false],
  ['eager', false],
  ['auto', true],
] as const)(
  'on engine %s, with a symmetric loss %s, the queue holds the keys that were compared, newest first',
  async (engine, symmetricLoss) => {
    const { config, states } = await twoSteps({ ...recipes['moco-v2'], symmetricLoss }, engine)
    // Of each batch the keys of the teacher as it was before the step: of both views, or of the second, MoCo's key, alone.
    const keysOf = (i: number) => {
      const keys = logits(config, 'teacher.', states[i]!, crops(config, i)).arraySync() as number[][]
      return keys.slice(symmetricLoss ? 0 : B).map((key) => key.map((x) => x / Math.hypot(...key)))
    }
    const [first, second] = [keysOf(0), keysOf(1)]
    const initial = rows(states[0]!.queue!)
    for (const [state, expected] of [
      [states[1]!, [...first, ...initial]],
      [states[2]!, [...second, ...first, ...initial]],
    ] as const) {
      expect(state.queue!.shape).toEqual([M, dim])
      for (const [i, row] of rows(state.queue!).entries()) {
        for (const [d, x] of row.entries()) expect(Math.abs(x - expected[i]![d]!), `key ${i}`).toBeLessThan(1e-4)
      }
    }
    const apart = (a: number[], b: number[]) => Math.hypot(...a.map((x, i) => x - b[i]!))
    expect(apart(first[0]!, initial[0]!)).toBeGreaterThan(0.1) // rows that can be told apart
    expect(apart(first[0]!, second[0]!)).toBeGreaterThan(1e-3)
  },
)

/** Two steps, one an epoch: the state before, between and after them, their losses, and what the second is with its global views swapped. */
async function twoSteps(options: TrainOptions, engine: 'auto' | 'eager' = 'auto') {
  const config = resolveConfig({ ...options, batchSize: B, warmupEpochs: 0, dropPathRate: 0 })
  const setup = setupOf(config)
  const session = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : { threads: 1 })
  const { momentum, teacherTemp } = schedules(config, 1)
  const states: State[] = [initialState(setup, initStudent(setup, 5))]
  const losses: number[] = []
  try {
    await session.create(states[0]!)
    const step = async (epoch: number, images: CropFeeds) => {
      const compiled = await trainStep(session, setup, config, epoch < config.freezeLastLayer)
      const own = { momentum: momentum[epoch]!, teacherTemp: teacherTemp[epoch]! }
      const { loss } = await compiled.run([images], { lr: 0.1, weightDecay: 0.01, ...own })
      return floats(loss!)[0]!
    }
    for (const epoch of [0, 1]) {
      losses.push(await step(epoch, crops(config, epoch)))
      states.push(await session.read(Object.keys(states[0]!)))
    }
    await session.assign(states[1]!)
    return { config, states, losses, swapped: await step(1, crops(config, 1, true)) }
  } finally {
    await session.close()
  }
}

/** A loss of what student and teacher make of a batch, computed without the step. */
function byHand(
  config: TrainConfig,
  state: State,
  step: number,
  loss: (student: tf.Tensor2D, teacher: tf.Tensor2D, state: Record<string, tf.Tensor>) => tf.Scalar,
): tf.Scalar {
  const images = crops(config, step)
  const student = logits(config, 'student.', state, images)
  return loss(student, logits(config, 'teacher.', state, { global: images.global }), tensors(state))
}

function logits(config: TrainConfig, network: string, state: State, { global, local }: CropFeeds): tf.Tensor2D {
  const setup = setupOf(config)
  const groups = [
    { images: normalizeImages(tf.tensor4d(global, [2 * B, size, size, 3], 'int32'), config) },
    ...(local && network === 'student.'
      ? [{ images: normalizeImages(tf.tensor4d(local, [L * B, size / 2, size / 2, 3], 'int32'), config) }]
      : []),
  ]
  const predictor = network === 'student.' ? setup.predictor : undefined
  return forward(setup, withoutPrefix(network, tensors(state)), groups, predictor).logits
}

/** No part of the teacher is trained: after a step it is m · itself + (1 - m) · the student. */
function expectAverage(config: TrainConfig, states: State[]): void {
  const { momentum } = schedules(config, 1)
  for (const i of [0, 1]) {
    const [before, after, m] = [states[i]!, states[i + 1]!, momentum[i]!]
    for (const name of Object.keys(after).filter((name) => name.startsWith('teacher.'))) {
      const student = floats(after[name.replace('teacher.', 'student.')]!)
      const expected = floats(before[name]!).map((x, k) => m * x + (1 - m) * student[k]!)
      expect(largest(after[name]!, { ...after[name]!, data: expected }), name).toBeLessThan(1e-6)
    }
  }
  const moved = 'teacher.backbone.blocks.0.attn.qkv.weight'
  expect(largest(states[1]![moved]!, states[0]![moved]!)).toBeGreaterThan(1e-5)
}

function expectNoGradientOfTheTeacher(config: TrainConfig): void {
  const objective = setupOf(config).loss
  const width = config.lastLayer === 'none' ? dim : K!
  const draw = (key: string, count: number) => {
    const draws = stream(2, key)
    return tf.tensor2d(
      Float32Array.from({ length: count * width }, () => draws.uniform(-1, 1)),
      [count, width],
    )
  }
  const state = { center: tf.zeros([1, width]), queue: draw('queue', M) }
  // What is not reached at all has no gradient in TensorFlow.js, not 0: the sum reaches it, with a slope of 1.
  const [ofStudent, ofTeacher] = tf.grads((student, teacher) =>
    tf.add(
      cost(objective, {
        student: student as tf.Tensor2D,
        teacher: teacher as tf.Tensor2D,
        state,
        teacherTemp: tf.scalar(config.teacherTemp),
      }),
      tf.sum(teacher),
    ),
  )([draw('student', 2 * B), draw('teacher', 2 * B)])
  expect(value(tf.max(tf.abs(ofStudent!)))).toBeGreaterThan(1e-3)
  expect(value(tf.max(tf.abs(tf.sub(ofTeacher!, 1))))).toBe(0)
}

function tensors(state: State): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(state).map(([name, x]) => [name, tf.tensor(floats(x), x.shape)]))
}

/** All views of three images, view by view. */
function crops({ localCropsNumber }: TrainConfig, step: number, swapped = false): CropFeeds {
  const draw = (key: string, count: number, side: number) => {
    const draws = stream(1, key, step)
    return Uint8Array.from({ length: count * side * side * 3 }, (_, i) => draws.uniform(0, 25 + 33 * (i % 7)))
  }
  const views = [draw('first', B, size), draw('second', B, size)]
  if (swapped) views.reverse()
  const global = new Uint8Array(2 * views[0]!.length)
  for (const [i, view] of views.entries()) global.set(view, i * view.length)
  return { global, ...(localCropsNumber > 0 && { local: draw('local', localCropsNumber * B, size / 2) }) }
}

function rows(queue: HostTensor): number[][] {
  return Array.from({ length: M }, (_, i) => [...floats(queue).subarray(i * dim, (i + 1) * dim)])
}

function value(scalar: tf.Tensor): number {
  return scalar.dataSync()[0]!
}
