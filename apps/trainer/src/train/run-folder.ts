import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import { kebab, printed } from '../config/fields.js'
import { savedConfig } from '../config/saved.js'
import { type TrainConfig, trainConfig } from '../config/schema.js'
import { Failure } from '../report/io.js'
import { type Checkpoint, checkpointPath, loadCheckpoint } from './checkpoint.js'
import type { TrainImages } from './images.js'

/** Settings that may differ when a run goes on: they change where and how fast it runs and what it reports. */
const free: ReadonlySet<string> = new Set([
  'recipe',
  'data',
  'outputDir',
  'saveckpFreq',
  'checkpointMinutes',
  'logFreq',
  'knnFreq',
  'knnK',
  'knnTemperature',
  'maxSteps',
  'maxMinutes',
  'numWorkers',
  'engine',
  'threads',
  'microBatch', // another order of the same sums: so does another number of threads
  'recompute',
  'device',
] satisfies (keyof TrainConfig)[])

/**
 * Takes the folder of a run. One that holds this run already is gone on with if `resume`; any other is refused.
 *
 * @returns where to go on from; undefined for a fresh start
 */
export async function openRunFolder(
  config: TrainConfig,
  images: Pick<TrainImages, 'count' | 'digest'>,
  resume: boolean,
): Promise<Checkpoint | undefined> {
  const folder = config.outputDir
  const saved = await savedConfig(folder)
  if (saved && !resume) {
    throw new Failure(
      `${folder} already holds a run. Add --resume to go on with it, or choose another --output-dir.`,
      2,
    )
  }
  const path = checkpointPath(folder)
  if (!saved && existsSync(path)) {
    throw new Failure(
      `${folder} holds a checkpoint of something else (no config.json). Choose another --output-dir.`,
      2,
    )
  }
  const checkpoint = existsSync(path) ? await loadCheckpoint(path) : undefined
  if (saved && checkpoint) {
    refuseChanges(folder, saved, config)
    refuseChanges(folder, checkpoint.progress.config, config)
    refuseOtherImages(config, checkpoint, images)
  }
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
  return checkpoint
}

function refuseChanges(folder: string, saved: TrainConfig, config: TrainConfig): void {
  const differing = (Object.keys(trainConfig.shape) as (keyof TrainConfig)[]).filter(
    (key) => !free.has(key) && JSON.stringify(saved[key]) !== JSON.stringify(config[key]),
  )
  if (differing.length === 0) return
  const shown = (value: unknown) => (value === undefined ? 'not given' : printed(value))
  const list = differing.map((key) => `--${kebab(key)} ${shown(saved[key])} there, ${shown(config[key])} here`)
  throw new Failure(
    `${folder} holds another run (${list.join('; ')}). Choose another --output-dir; to go on with that run, give ` +
      '--resume and none of these flags.',
    2,
  )
}

function refuseOtherImages(
  config: TrainConfig,
  { progress }: Checkpoint,
  { count, digest }: Pick<TrainImages, 'count' | 'digest'>,
): void {
  if (progress.images.digest === digest) return
  throw new Failure(
    `${config.outputDir} was trained on other files (${progress.images.count} images there, ${count} in ${config.data}): ` +
      'the run cannot go on as it began. Restore them, or choose another --output-dir.',
    2,
  )
}
