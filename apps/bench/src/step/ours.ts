import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { openSession, type Session } from '@dino/graph'
import {
  dropPathFeeds,
  initialState,
  initStudent,
  resolveConfig,
  setupOf,
  type TrainConfig,
  trainStep,
} from '@dino/trainer'
import type { CommandContext } from '@stricli/core'
import { Failure } from '../failure.js'
import { type Arch, warmUpSteps } from './defaults.js'

export interface ModelFlags {
  arch: Arch
  /** Of a ViT. */
  patchSize?: number
  /** Blocks of a ViT; of the arch unless given. */
  depth?: number
  batch: number
  locals: number
  outDim: number
  steps: number
  threads?: number
  engine: string
  precision: 'fp32' | 'bf16'
  device: 'cpu' | 'gpu'
}

/** What a process of either side prints: one JSON line, under the names of peers/bench_step.py. */
export interface Timing {
  peer: string
  version: string
  threads: number
  times_ms: number[]
  first_step_ms: number
  max_rss_gb: number
  loss: number
}

/** Times our step on synthetic crops and prints one JSON line. */
export async function printOurs(this: CommandContext, flags: ModelFlags): Promise<void> {
  this.process.stdout.write(`${JSON.stringify(await timeStep(flags))}\n`)
}

/** The trainer's own step, compiled as a run compiles it, on crops of noise. */
export async function timeStep(flags: ModelFlags): Promise<Timing> {
  const { steps, threads, engine, device } = flags
  const config = configOf(flags)
  const setup = setupOf(config)
  const session = await openSession({
    engine: engine === 'tensorflow' ? 'auto' : engine,
    threads,
    ...(device === 'gpu' && { device }),
  }).catch((error: Error) => {
    throw device === 'gpu' ? new Failure(`--device gpu: ${error.message}`, 1) : error
  })
  try {
    await session.create(initialState(setup, initStudent(setup, 0)))
    const began = performance.now()
    const step = await noiseStep(session, config)
    const times: number[] = []
    let loss = Number.NaN
    for (let i = 0; i < steps + warmUpSteps; i++) {
      const start = i === 0 ? began : performance.now() // the first step includes tracing and compiling it
      const outputs = await step(i)
      times.push(performance.now() - start)
      loss = (outputs.loss!.data as Float32Array)[0]!
    }
    return {
      peer: 'ours',
      version: `${session.engine.kind} ${session.engine.version}`,
      threads: threads ?? availableParallelism(),
      times_ms: times.slice(warmUpSteps),
      first_step_ms: times[0]!,
      max_rss_gb: process.resourceUsage().maxRSS / 1e6,
      loss,
    }
  } finally {
    await session.close()
  }
}

/** The reference's settings but for what is asked for; the loss, crops and drop path are its defaults. */
function configOf({ arch, patchSize, depth, batch, locals, outDim, precision }: ModelFlags): TrainConfig {
  const crops = { batchSize: batch, localCropsNumber: locals }
  return resolveConfig({ data: 'noise', arch, patchSize, depth, ...crops, outDim, precision })
}

/** The trainer's own step of some settings, and what runs it on crops of noise. */
export async function noiseStep(session: Session, config: TrainConfig) {
  const setup = setupOf(config)
  const { batchSize: B, localCropsNumber: L, globalCropsSize: S, localCropsSize: s } = config
  const [global, local] = [bytes(2 * B * S * S * 3), bytes(L * B * s * s * 3)]
  const step = await trainStep(session, setup, config, false)
  return (i: number) => {
    // Draws of the steps that warm up: another number of rows would be planned, and compiled, while it is timed.
    const draws = dropPathFeeds(setup, config, i % warmUpSteps)
    const crops = { global, ...(L > 0 && { local }), ...draws }
    return step.run([crops], { lr: 1e-4, weightDecay: 0.04, momentum: 0.996, teacherTemp: 0.04 })
  }
}

/** Noise: what the pixels are does not change the time. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24)
}
