import { join } from 'node:path'
import { readSafetensors, writeFileAtomic, writeSafetensors } from '@dino/weights/node'
import type { TrainConfig } from '../config/schema.js'
import { Failure } from '../report/io.js'
import type { HostTensor } from './host-tensor.js'
import type { InitOrigin } from './init.js'

/** Where a run stands; with the tensors, all that is needed to go on as if it had never stopped. */
export interface Progress {
  /** Steps taken. */
  iteration: number
  iterationsPerEpoch: number
  config: TrainConfig
  /** What the run trains on: another list of files would give another order. */
  images: { count: number; digest: string }
  /** Images that could not be read, by number, with the reason: they stay out. Absent in checkpoints of before. */
  setAside?: [index: number, reason: string][]
  /** The weights that it began with (`--init`); absent for a run from nothing. */
  init?: InitOrigin
}

export interface Checkpoint {
  progress: Progress
  tensors: Record<string, HostTensor>
}

const FORMAT = 'dino-checkpoint-1'
const latest = 'checkpoint.safetensors'

export function checkpointPath(folder: string, epoch?: number): string {
  return join(folder, epoch === undefined ? latest : `checkpoint${String(epoch).padStart(4, '0')}.safetensors`)
}

/** Writes tensors and progress as one file, so that they can't disagree; the JSON beside it is for people. */
export async function saveCheckpoint(path: string, { progress, tensors }: Checkpoint): Promise<void> {
  await writeSafetensors(path, tensors, { format: FORMAT, progress: JSON.stringify(progress) })
  await writeFileAtomic(path.replace(/\.safetensors$/, '.json'), `${JSON.stringify(progress, null, 2)}\n`)
}

export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path)
  if (metadata.format !== FORMAT || !metadata.progress) {
    throw new Failure(`${path} holds tensors but no training progress: it is not a checkpoint of dino train.`)
  }
  return { tensors, progress: JSON.parse(metadata.progress) as Progress }
}
