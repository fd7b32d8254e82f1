import { totalmem } from 'node:os'
import { performance } from 'node:perf_hooks'
import { programCost, type Session } from '@dino/graph'
import { tokens } from '@dino/vit'
import type { TrainConfig } from '../config/schema.js'
import { isVit } from './backbone.js'
import { type CropFeeds, compileStep, SUM, type TrainStep, trainStep } from './compile-step.js'
import { dropPathFeeds } from './drop-path.js'
import { initStudent, modelShapes } from './model.js'
import { setupOf } from './setup.js'
import { initialState, sumShapes } from './step.js'

/** What a run of these settings would take on this machine. */
export interface Estimate {
  /** Of the student; the teacher has as many again. */
  parameters: { backbone: number; head: number }
  /** Tokens of one global and of one local crop, of a vision transformer. */
  tokens?: { global: number; local: number; step: number }
  /** Floating point operations of products in one step. */
  flops: number
  memory: { bytes: number; limit: number; fits: boolean }
  secondsPerStep: number
  /** Flags to add so that it fits, if it does not. Undefined if nothing helps. */
  suggestion?: string
  /** The short runs that it rests on. */
  measured: Measurement[]
}

export interface Measurement {
  /** Images of a step. */
  images: number
  secondsPerStep: number
  /** The most memory that the process has had until then. */
  bytes: number
}

/** The work of a step: all calls of its programs. */
interface Work {
  flops: number
  bytes: number
  peakBytes: number
}

/** Steps of about this long are measured; of a larger batch they would only take longer. */
const MEASURED_SECONDS = 2.5
/** What the machine may be filled up to: the rest is for the loader, the system and what an estimate misses. */
const FILL = 0.9

/**
 * Estimates time and memory: a step of one image and one of several are run, and what the programs of the wanted step compute, move and
 * keep alive is put in relation to theirs. Measures nothing that would itself not fit.
 *
 * @param session without variables, of an engine that compiles
 * @throws the signal's reason once it is aborted
 */
export async function estimate(
  config: TrainConfig,
  session: Session,
  { limit = memoryLimit(), signal }: { limit?: number; signal?: AbortSignal } = {},
): Promise<Estimate> {
  const setup = setupOf(config)
  await session.create(initialState(setup, initStudent(setup, config.seed)))
  const { microBatch: part = config.batchSize } = config
  const small = (batchSize: number) => ({ ...config, batchSize, microBatch: undefined, accumulate: 1 })
  const ofWhole = async (batchSize: number, recompute = config.recompute): Promise<Work> => {
    const sized = { ...small(batchSize), recompute }
    const step = await compileStep(session, setupOf(sized), sized, false)
    step.dispose()
    return programCost(step.program!)
  }
  const least = isVit(setup.backbone) ? 1 : 2 // batch norm may have nothing to compare in one small crop
  const one = await measureSteps(session, small(least))
  const affordable = Math.floor((least * MEASURED_SECONDS) / one.measurement.secondsPerStep)
  const growth = (await ofWhole(least + 1)).peakBytes - one.work.peakBytes
  const room = Math.floor((FILL * limit - one.measurement.bytes) / Math.max(1, growth))
  const images = Math.max(least + 1, Math.min(part, affordable, room))
  signal?.throwIfAborted()
  const several = await measureSteps(session, small(images))
  signal?.throwIfAborted()

  const step = await trainStep(session, setup, config, false)
  const work = workOf(step)
  step.dispose()
  const rates = ratesOf(one, several)
  const sums = Object.entries(session.specs()).filter(([name]) => name.startsWith(SUM))
  const base = several.measurement.bytes - several.work.peakBytes
  const state = Object.entries(session.specs()).filter(([name]) => !name.startsWith(SUM))
  const peak = (peakBytes: number, sumBytes: number) =>
    base + Math.max(peakBytes + sumBytes, bytesOf(state.map(([, { shape }]) => shape))) // a checkpoint copies the state
  const bytes = peak(work.peakBytes, bytesOf(sums.map(([, { shape }]) => shape)))
  const sumBytes = bytesOf(Object.values(sumShapes(setup, { freezeLastLayer: false })))
  const fits = bytes <= FILL * limit
  const fitting = async (batchSize: number, recompute: boolean) =>
    peak((await ofWhole(batchSize, recompute)).peakBytes, sumBytes) <= FILL * limit
  return {
    ...sizesOf(config),
    flops: work.flops,
    memory: { bytes, limit, fits },
    secondsPerStep: rates.flops * work.flops + rates.bytes * work.bytes,
    // In parts, or computed again, a ResNet's step would not be the same.
    ...(!fits && isVit(setup.backbone) && { suggestion: await settingThatFits(config, fitting) }),
    measured: [one.measurement, several.measurement],
  }
}

/** The memory of the machine, or what a container may take of it. */
export function memoryLimit(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
}

/**
 * The flags with which the same step fits: parts as large as possible, since they cost little; then blocks computed again, which
 * cost time.
 */
export async function settingThatFits(
  config: Pick<TrainConfig, 'batchSize' | 'microBatch' | 'useBnInHead' | 'recompute'>,
  fits: (part: number, recompute: boolean) => Promise<boolean>,
): Promise<string | undefined> {
  const { batchSize: B, microBatch = B, useBnInHead } = config
  const parts = Array.from({ length: microBatch }, (_, i) => microBatch - i).filter((size) => B % size === 0)
  for (const recompute of config.recompute ? [true] : [false, true]) {
    const added = recompute && !config.recompute
    for (const part of useBnInHead ? [B] : parts) {
      if (part === microBatch && !added) continue
      if (!(await fits(part, recompute))) continue
      return [part < B && `--micro-batch ${part}`, added && '--recompute'].filter(Boolean).join(' ')
    }
  }
  return undefined
}

function sizesOf(config: TrainConfig): Pick<Estimate, 'parameters' | 'tokens'> {
  const setup = setupOf(config)
  const { globalCropsSize: S, localCropsSize: s, localCropsNumber: L } = config
  const count = (prefix: string) => {
    const shapes = Object.entries(modelShapes(setup)).filter(([name]) => name.startsWith(prefix))
    return bytesOf(shapes.map(([, shape]) => shape)) / 4
  }
  const parameters = { backbone: count('backbone.'), head: count('head.') }
  const { backbone } = setup
  if (!isVit(backbone)) return { parameters }
  const global = tokens(backbone, S, S)
  const local = L > 0 ? tokens(backbone, s, s) : 0
  const images = config.batchSize * config.accumulate
  return { parameters, tokens: { global, local, step: images * (2 * global + L * local) } }
}

/** A few steps on noise, the fastest of which counts: a machine that does something else is no slower machine. */
export async function measureSteps(session: Session, config: TrainConfig) {
  const step = await trainStep(session, setupOf(config), config, false)
  const batches = Array.from({ length: config.accumulate }, () => noise(config))
  const schedule = { lr: 0, weightDecay: 0, momentum: 1, teacherTemp: config.teacherTemp }
  let fastest = Number.POSITIVE_INFINITY
  for (let i = 0; i < 4; i++) {
    const began = performance.now()
    await step.run(batches, schedule)
    if (i > 0) fastest = Math.min(fastest, (performance.now() - began) / 1000) // the first one compiles
  }
  const work = workOf(step)
  step.dispose()
  const images = config.batchSize * config.accumulate
  const measurement: Measurement = { images, secondsPerStep: fastest, bytes: process.resourceUsage().maxRSS * 1024 }
  return { measurement, work }
}

/** Seconds a product's operation and a moved byte take, from two steps that have them in different proportions. */
function ratesOf(a: Measured, b: Measured): { flops: number; bytes: number } {
  const [ta, tb] = [a.measurement.secondsPerStep, b.measurement.secondsPerStep]
  const determinant = a.work.flops * b.work.bytes - b.work.flops * a.work.bytes
  const flops = (ta * b.work.bytes - tb * a.work.bytes) / determinant
  const bytes = (a.work.flops * tb - b.work.flops * ta) / determinant
  if (flops > 0 && bytes >= 0) return { flops, bytes }
  return { flops: tb / b.work.flops, bytes: 0 } // too alike to tell apart
}

type Measured = Awaited<ReturnType<typeof measureSteps>>

/** Sums over the calls of a step's programs; of memory, the largest. */
function workOf({ programs }: TrainStep): Work {
  const work = { flops: 0, bytes: 0, peakBytes: 0 }
  for (const { program, calls } of programs) {
    if (!program) throw new Error('estimate: expected a session that compiles, got the eager engine.')
    const cost = programCost(program)
    work.flops += calls * cost.flops
    work.bytes += calls * cost.bytes
    work.peakBytes = Math.max(work.peakBytes, cost.peakBytes)
  }
  return work
}

/** Crops of noise: what the pixels are does not change the time. */
function noise(config: TrainConfig): CropFeeds {
  const { batchSize: B, localCropsNumber: L, globalCropsSize: S, localCropsSize: s } = config
  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24)
  return {
    global: bytes(2 * B * S * S * 3),
    ...(L > 0 && { local: bytes(L * B * s * s * 3) }),
    ...dropPathFeeds(setupOf(config), config, 0),
  }
}

function bytesOf(shapes: readonly (readonly number[])[]): number {
  return 4 * shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)
}
