import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { multiCrop } from '@dino/augment'
import { decode } from '@dino/augment/node'
import { openSession } from '@dino/graph'
import { permutation } from '@dino/random'
import {
  compileStep,
  cropOptions,
  initialState,
  initStudent,
  schedules,
  setupOf,
  type TrainConfig,
} from '@dino/trainer'
import { writeSafetensors } from '@dino/weights/node'

/** What a step of either side is given. */
export interface ScheduledStep {
  epoch: number
  lr: number
  weightDecay: number
  momentum: number
  teacherTemp: number
}

/** The values of a run's schedules, step by step. */
export function scheduleOf(config: TrainConfig, perEpoch: number, steps: number): ScheduledStep[] {
  const values = schedules(config, perEpoch)
  return Array.from({ length: steps }, (_, i) => {
    const epoch = Math.floor(i / perEpoch)
    return {
      epoch,
      lr: values.lr[i]!,
      weightDecay: values.weightDecay[i]!,
      momentum: values.momentum[i]!,
      teacherTemp: values.teacherTemp[epoch]!,
    }
  })
}

/** Trains on crops that are written down, with what they began from, for another program to do the same. @returns the loss of each step */
export async function trainOnCrops(
  config: TrainConfig,
  folder: string,
  file: string,
  { steps, engine }: { steps: number; engine: string },
): Promise<number[]> {
  const { batchSize: B, localCropsNumber: L, globalCropsSize: S, localCropsSize: s, seed } = config
  const images = await imagesOf(folder, config)
  const perEpoch = Math.floor(images.length / B)
  const schedule = scheduleOf(config, perEpoch, steps)
  const setup = setupOf(config)
  const student = initStudent(setup, seed)
  const crops = multiCrop(cropOptions(config))
  const global = new Uint8Array(steps * 2 * B * S * S * 3)
  const local = new Uint8Array(steps * L * B * s * s * 3)
  for (let i = 0; i < steps; i++) {
    const epoch = Math.floor(i / perEpoch)
    const order = permutation(images.length, seed, epoch)
    for (let b = 0; b < B; b++) {
      const index = order[(i % perEpoch) * B + b]!
      const views = crops.apply(images[index]!, crops.plan({ seed, epoch, sample: index }))
      for (const [v, data] of views.entries()) {
        if (v < 2) global.set(data, ((i * 2 + v) * B + b) * S * S * 3)
        else local.set(data, ((i * L + v - 2) * B + b) * s * s * 3)
      }
    }
  }
  await writeSafetensors(
    file,
    {
      ...Object.fromEntries(Object.entries(student).map(([name, tensor]) => [`student.${name}`, tensor])),
      global: { dtype: 'uint8', shape: [steps, 2 * B, S, S, 3], data: global },
      ...(L > 0 && { local: { dtype: 'uint8' as const, shape: [steps, L * B, s, s, 3], data: local } }),
    },
    { settings: JSON.stringify(config), schedule: JSON.stringify(schedule) },
  )

  const session = await openSession({ engine })
  try {
    await session.create(initialState(setup, student, seed))
    const losses: number[] = []
    let frozen: boolean | undefined
    let step: Awaited<ReturnType<typeof compileStep>> | undefined
    for (const [i, { epoch, ...values }] of schedule.entries()) {
      if (frozen !== epoch < config.freezeLastLayer) {
        frozen = epoch < config.freezeLastLayer
        step?.dispose()
        step = await compileStep(session, setup, config, frozen)
      }
      const outputs = await step!({
        global: global.subarray(i * 2 * B * S * S * 3, (i + 1) * 2 * B * S * S * 3),
        ...(L > 0 && { local: local.subarray(i * L * B * s * s * 3, (i + 1) * L * B * s * s * 3) }),
        ...values,
      })
      losses.push((outputs.loss!.data as Float32Array)[0]!)
    }
    return losses
  } finally {
    await session.close()
  }
}

async function imagesOf(folder: string, { background }: TrainConfig) {
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => readdirSync(join(folder, name)).map((file) => join(folder, name, file)))
  return Promise.all(files.sort().map((file) => decode(file, { background })))
}
