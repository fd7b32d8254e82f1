import { openSession, type Session } from '@dino/graph'
import type { TrainConfig } from '../config/schema.js'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'

/** The engine that a run's settings ask for. */
export async function openEngine(
  { engine, threads, device }: Pick<TrainConfig, 'engine' | 'threads' | 'device'>,
  io: TrainIO,
): Promise<Session> {
  if (engine === 'eager' && device !== undefined) {
    throw new Failure('--device is for TensorFlow, and --engine is eager. Leave one out.', 2)
  }
  try {
    return await openSession({
      engine,
      ...(threads > 0 && { threads }),
      ...(device !== undefined && { device }),
      onProgress: engineProgress(io),
      signal: io.signal,
    })
  } catch (error) {
    if (device === undefined || !(error instanceof RangeError)) throw error
    throw new Failure(`--device ${device}: ${error.message.replace(/^openSession: /, '')}`, 1, { cause: error })
  }
}
