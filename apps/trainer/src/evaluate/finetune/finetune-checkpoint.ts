import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import { kebab, printed } from '../../config/fields.js'
import { Failure } from '../../report/io.js'
import type { HostTensor } from '../../train/host-tensor.js'
import type { FinetuneSettings } from './finetune-settings.js'
import type { EpochScore } from './finetune-training.js'

/** What a fine-tuning is of: another of any of these is another fine-tuning. */
export interface FinetuneIdentity {
  settings: FinetuneSettings
  /** The weights that it began with: where from, and a hash of them. */
  from: { checkpoint: string; network: string; digest: string }
  /** The labelled images that it trains on. */
  images: { count: number; digest: string }
  classes: readonly string[]
}

export interface FinetuneProgress extends FinetuneIdentity {
  /** Steps taken. */
  iteration: number
  /** Of the losses of the epoch that is not scored yet. */
  lossSum: number
  scores: EpochScore[]
  /** Training images that could not be read, by number, with the reason. */
  setAside: [index: number, reason: string][]
}

export interface FinetuneCheckpoint extends FinetuneProgress {
  tensors: Record<string, HostTensor>
}

const FORMAT = 'dino-finetune-1'

function pathIn(folder: string): string {
  return join(folder, 'checkpoint.safetensors')
}

export async function saveFinetuneCheckpoint(
  folder: string,
  progress: FinetuneProgress,
  tensors: Record<string, HostTensor>,
): Promise<void> {
  await writeSafetensors(pathIn(folder), tensors, { format: FORMAT, finetune: JSON.stringify(progress) })
}

/**
 * The state of the fine-tuning in a folder, undefined if there is none.
 *
 * @throws Failure if it is another one than `identity`
 */
export async function openFinetuneFolder(
  folder: string,
  identity: FinetuneIdentity,
): Promise<FinetuneCheckpoint | undefined> {
  const path = pathIn(folder)
  if (existsSync(join(folder, 'config.json')))
    throw new Failure(`${folder} holds a run of dino train. Choose another --output-dir.`, 2)
  if (!existsSync(path)) return undefined
  const { tensors, metadata } = await readSafetensors(path)
  if (metadata.format !== FORMAT || !metadata.finetune)
    throw new Failure(`${path} is no checkpoint of a fine-tuning. Choose another --output-dir.`, 2)
  const progress = JSON.parse(metadata.finetune) as FinetuneProgress
  const differing = differences(progress, identity)
  if (differing.length > 0) {
    throw new Failure(
      `${folder} holds another fine-tuning (${differing.join('; ')}). Choose another --output-dir; to go on with that one, ` +
        'give the same checkpoint, data and settings.',
      2,
    )
  }
  return { ...progress, tensors }
}

function differences(there: FinetuneIdentity, here: FinetuneIdentity): string[] {
  const keys = Object.keys(here.settings) as (keyof FinetuneSettings)[]
  const settings = keys
    .filter((key) => there.settings[key] !== here.settings[key])
    .map((key) => `--${kebab(key)} ${printed(there.settings[key])} there, ${printed(here.settings[key])} here`)
  const weights =
    there.from.digest === here.from.digest
      ? []
      : [`weights of ${there.from.checkpoint} there, other ones of ${here.from.checkpoint} here`]
  const images =
    there.images.digest === here.images.digest
      ? []
      : [`${there.images.count} training images there, other files here: ${here.images.count}`]
  return [...settings, ...weights, ...images]
}
