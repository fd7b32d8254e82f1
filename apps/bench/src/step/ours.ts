import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { normalization } from '@dino/augment/defaults'
import { compile, openSession } from '@dino/graph'
import { dinoStep, initialState, initStudent, type Setup } from '@dino/trainer'
import * as vit from '@dino/vit'
import type { CommandContext } from '@stricli/core'
import * as tf from '@tensorflow/tfjs-core'
import { warmUpSteps } from './defaults.js'

export interface ModelFlags {
  arch: vit.Architecture
  patchSize: number
  batch: number
  locals: number
  outDim: number
  steps: number
  threads?: number
  engine: string
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

/** One whole training step: uint8 crops in, loss out, state kept in the session; drop path 0.1 as in the reference. */
export async function timeStep({
  arch,
  patchSize,
  batch,
  locals,
  outDim,
  steps,
  threads,
  engine,
}: ModelFlags): Promise<Timing> {
  const backbone = vit.config(arch, { patchSize })
  const setup: Setup = {
    vit: backbone,
    head: { inDim: backbone.embedDim, outDim },
    loss: { studentTemp: 0.1, centerMomentum: 0.9 },
    optim: { name: 'adamw', clipGrad: 3, normLastLayer: true },
  }
  const session = await openSession({ engine: engine === 'tensorflow' ? 'auto' : engine, threads })
  try {
    await session.create(initialState(setup, initStudent(setup, 0)))
    const began = performance.now()
    const branches = 2 * backbone.depth
    const step = await compile(
      ({ global, local, dropPathGlobal, dropPathLocal, ...rest }, state) =>
        dinoStep(
          setup,
          {
            ...(rest as Record<'lr' | 'weightDecay' | 'momentum' | 'teacherTemp', tf.Scalar>),
            global: normalized(global!),
            local: local && normalized(local),
            dropPathGlobal: dropPathGlobal as tf.Tensor2D,
            dropPathLocal: dropPathLocal as tf.Tensor2D | undefined,
          },
          state,
          { freezeLastLayer: false },
        ),
      {
        session,
        name: 'step',
        inputs: {
          global: { shape: [2 * batch, 224, 224, 3], dtype: 'uint8' },
          dropPathGlobal: { shape: [branches, 2 * batch] },
          ...(locals > 0 && {
            local: { shape: [locals * batch, 96, 96, 3], dtype: 'uint8' },
            dropPathLocal: { shape: [branches, locals * batch] },
          }),
          lr: { shape: [] },
          weightDecay: { shape: [] },
          momentum: { shape: [] },
          teacherTemp: { shape: [] },
        },
      },
    )
    const global = bytes(2 * batch * 224 * 224 * 3)
    const local = bytes(locals * batch * 96 * 96 * 3)
    const mask = (rows: number, draw: number) =>
      vit.dropPathMask({ depth: backbone.depth, rate: 0.1, batch: rows, seed: 0, step: draw })
    const times: number[] = []
    let loss = Number.NaN
    for (let i = 0; i < steps + warmUpSteps; i++) {
      const inputs = {
        global,
        dropPathGlobal: mask(2 * batch, 2 * i),
        ...(locals > 0 && { local, dropPathLocal: mask(locals * batch, 2 * i + 1) }),
        lr: 1e-4,
        weightDecay: 0.04,
        momentum: 0.996,
        teacherTemp: 0.04,
      }
      const start = i === 0 ? began : performance.now() // the first step includes tracing and compiling it
      const outputs = await step(inputs)
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

function normalized(images: tf.Tensor): tf.Tensor4D {
  const unit = tf.div(tf.cast(images, 'float32'), 255)
  return tf.div(tf.sub(unit, tf.tensor1d([...normalization.mean])), tf.tensor1d([...normalization.std]))
}

/** Noise: what the pixels are does not change the time. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24)
}
