import {
  type Compiled,
  compile,
  type Feed,
  type HostTensor,
  type InputSpec,
  type Program,
  type Session,
  type TensorSpec,
} from '@dino/graph'
import * as tf from '@tensorflow/tfjs-core'
import { productsOf } from '../config/precision.js'
import type { TrainConfig } from '../config/schema.js'
import { normalizeImages } from '../inspect/embed.js'
import type { Params } from './backbone.js'
import { dropPathInputs, dropPathSpecs, withRows } from './drop-path.js'
import { prefixed, type Setup, statisticShapes, withoutPrefix } from './model.js'
import { nextState } from './objective.js'
import { type CropInputs, dinoStep, reduce, type ScheduleInputs, stepSums, sumShapes, takeStep, zeros } from './step.js'

/** The images of one batch as the step takes them. */
export interface CropFeeds {
  /** uint8, view by view: [2B, height, width, C] and [L·B, height, width, C]. */
  global: Uint8Array
  local?: Uint8Array
  /** Stochastic depth, [2 · depth, 2B] and [2 · depth, L·B]. */
  dropPathGlobal?: Float32Array
  dropPathLocal?: Float32Array
}

export interface ScheduleFeeds {
  lr: number
  weightDecay: number
  momentum: number
  teacherTemp: number
}

/** One optimizer step: `accumulate` batches in, scalars out. Nothing of the run's state changes unless all of it succeeds. */
export interface TrainStep {
  run(batches: readonly CropFeeds[], schedule: ScheduleFeeds): Promise<Record<string, HostTensor>>
  /** What it runs, and how often in a step; a program is undefined on the eager engine. */
  readonly programs: readonly { compiled: Compiled; program: Program | undefined; calls: number }[]
  dispose(): void
}

/** Variables that hold what the parts of a step add up to. They are no part of the state between two steps. */
export const SUM = 'sum.'
/** Those of them that hold state which each batch of a step moves on: the center, and running statistics. */
const MOVING = `${SUM}moving.`

const scalar: TensorSpec = { shape: [] }
const schedule = { lr: scalar, weightDecay: scalar, momentum: scalar }

/** The step that a configuration asks for: one graph, or one for a part of the images and one for the end. */
export async function trainStep(
  session: Session,
  setup: Setup,
  config: TrainConfig,
  freezeLastLayer: boolean,
): Promise<TrainStep> {
  const { batchSize: B, microBatch: N = B, accumulate: A } = config
  if (N < B || A > 1) return stepInParts(session, setup, config, freezeLastLayer)
  const step = await compileStep(session, setup, config, freezeLastLayer)
  return {
    run: ([batch], schedule) => step({ ...feeds(batch!, config), ...schedule }),
    programs: [{ compiled: step, program: step.program, calls: 1 }],
    dispose: step.dispose,
  }
}

/** The training step of a run as one graph: uint8 crops and schedule values in, scalars out. */
export function compileStep(
  session: Session,
  setup: Setup,
  config: TrainConfig,
  freezeLastLayer: boolean,
): Promise<Compiled> {
  const run = (inputs: Params, state: Params) =>
    dinoStep(setup, { ...(inputs as unknown as ScheduleInputs), ...cropInputs(inputs, config) }, state, {
      freezeLastLayer,
    })
  return compile(run, {
    session,
    name: freezeLastLayer ? 'step (last layer frozen)' : 'step',
    inputs: { ...cropSpecs(setup, config, config.batchSize), ...schedule },
    precision: productsOf(config),
  })
}

/**
 * A step in parts of `microBatch` images: each call of one graph adds what its images contribute to variables, and a last graph
 * takes the step. Memory is that of one part and the sums; a graph that held all parts would keep them in memory together.
 *
 * Teacher targets are an image's own, so parts of a batch give what the whole does. Of several batches (`accumulate`) each sees
 * the center as the one before it left it, as a loss that updates its center when it is called does (lightly, solo-learn), and a
 * ResNet's running statistics likewise.
 */
async function stepInParts(
  session: Session,
  setup: Setup,
  config: TrainConfig,
  freezeLastLayer: boolean,
): Promise<TrainStep> {
  const { batchSize: B, microBatch: N = B, accumulate: A } = config
  const M = B / N // parts of a batch
  const shapes = prefixed(SUM, sumShapes(setup, { freezeLastLayer }))
  const statistics = Object.keys(statisticShapes(setup)).flatMap((name) => [`student.${name}`, `teacher.${name}`])
  const moves = A > 1 ? ['center', ...statistics] : []
  await reset(session, shapes, moves)
  const sums = (state: Params) =>
    withoutPrefix(SUM, Object.fromEntries(Object.keys(shapes).map((name) => [name, state[name]!])))
  const cleared = () => Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tf.zeros(shape)]))
  const moved = (state: Params, names = moves): Params =>
    Object.fromEntries(names.map((name) => [name, state[MOVING + name]!]))
  /** The state with what batches have moved within the step. */
  const moving = (state: Params): Params =>
    Object.create(state, Object.fromEntries(Object.entries(moved(state)).map(([name, value]) => [name, { value }])))

  const part = await compile(
    (inputs, state) => {
      const options = { freezeLastLayer, share: 1 / (M * A) }
      const own = stepSums(setup, cropInputs(inputs, config), moving(state), options)
      const all = sums(state)
      const added = Object.fromEntries(Object.entries(own.sums).map(([name, x]) => [name, tf.add(all[name]!, x)]))
      return { outputs: {}, state: { ...prefixed(SUM, added), ...prefixed(MOVING, own.statistics) } }
    },
    {
      session,
      name: freezeLastLayer ? 'part (last layer frozen)' : 'part',
      inputs: cropSpecs(setup, config, N),
      precision: productsOf(config),
    },
  )
  const end = await compile(
    (inputs, state) => {
      const all = reduce(sums(state))
      const center = tf.mul(all.center!, A) // of the last batch: each one's is taken out before the next
      const now = moving(state)
      const step = takeStep(setup, inputs as unknown as ScheduleInputs, now, { ...all, center })
      const next = { ...cleared(), ...(A > 1 && { [`${MOVING}center`]: step.state.center ?? now.center! }) }
      return { ...step, state: { ...step.state, ...moved(state, A > 1 ? statistics : []), ...next } }
    },
    { session, name: 'end of the step', inputs: schedule },
  )
  const between =
    A > 1
      ? await compile(
          (_, state) => {
            const { center } = sums(state) as Record<string, tf.Tensor2D>
            const now = moving(state)
            const next = nextState(setup.loss, now, { center: tf.mul(center!, A) }).center ?? now.center!
            return {
              outputs: {},
              state: { [`${MOVING}center`]: next, [`${SUM}center`]: tf.zerosLike(center!) },
            }
          },
          { session, name: 'center of a batch', inputs: {} },
        )
      : undefined
  return {
    async run(batches, { teacherTemp, ...rest }) {
      for (const [i, batch] of batches.entries()) {
        if (i > 0) await between!({})
        for (let first = 0; first < B; first += N) {
          await part({ ...feeds(partOf(batch, config, first, N), config), teacherTemp })
        }
      }
      return end(rest)
    },
    programs: [
      { compiled: part, program: part.program, calls: M * A },
      { compiled: end, program: end.program, calls: 1 },
    ],
    dispose: () => [part, end, between].forEach((compiled) => void compiled?.dispose()),
  }
}

/** Sums that are zero, and what moves where the run's is. */
async function reset(session: Session, shapes: Record<string, number[]>, moves: string[]): Promise<void> {
  const values: Record<string, HostTensor> = prefixed(MOVING, await session.read(moves))
  for (const [name, shape] of Object.entries(shapes)) values[name] = zeros(shape)
  const [there, missing] = [true, false].map((has) =>
    Object.fromEntries(Object.entries(values).filter(([name]) => session.has(name) === has)),
  )
  await session.assign(there!)
  await session.create(missing!)
}

/** Images `first` to `first + count` of a batch. */
function partOf(batch: CropFeeds, config: TrainConfig, first: number, count: number): CropFeeds {
  const { batchSize: B } = config
  if (count === B) return batch
  return {
    global: columns(batch.global, 2, first),
    ...(batch.local && { local: columns(batch.local, config.localCropsNumber, first) }),
    ...(batch.dropPathGlobal && {
      dropPathGlobal: columns(batch.dropPathGlobal, batch.dropPathGlobal.length / B, first),
    }),
    ...(batch.dropPathLocal && { dropPathLocal: columns(batch.dropPathLocal, batch.dropPathLocal.length / B, first) }),
  }

  /** Of an array [rows, B, …], the same for the images alone. */
  function columns<T extends Uint8Array | Float32Array>(all: T, rows: number, from: number): T {
    const each = all.length / (rows * B)
    const taken = new (all.constructor as new (length: number) => T)(rows * count * each)
    for (let row = 0; row < rows; row++) {
      taken.set(all.subarray((row * B + from) * each, (row * B + from + count) * each), row * count * each)
    }
    return taken
  }
}

function feeds(batch: CropFeeds, config: TrainConfig): Record<string, Feed> {
  return withRows(batch, config) as unknown as Record<string, Feed>
}

function cropInputs(inputs: Params, config: TrainConfig): CropInputs {
  return {
    global: normalizeImages(inputs.global as tf.Tensor4D, config),
    local: inputs.local && normalizeImages(inputs.local as tf.Tensor4D, config),
    teacherTemp: inputs.teacherTemp as tf.Scalar,
    ...dropPathInputs(inputs),
  }
}

/** The inputs of a step that concern its images, of which there are B. */
function cropSpecs(setup: Setup, config: TrainConfig, B: number): Record<string, InputSpec> {
  const { localCropsNumber: L, globalCropsSize: S, localCropsSize: s } = config
  const C = setup.backbone.channels ?? 3
  return {
    global: { shape: [2 * B, S, S, C], dtype: 'uint8' },
    ...(L > 0 && { local: { shape: [L * B, s, s, C], dtype: 'uint8' } }),
    ...dropPathSpecs(setup, config, B),
    teacherTemp: scalar,
  }
}
