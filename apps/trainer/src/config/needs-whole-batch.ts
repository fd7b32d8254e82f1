import type { TrainConfig } from './schema.js'

/** Whether a step needs all its images at once: parts of a batch would then be another step. */
export function needsWholeBatch({ loss, centering }: Pick<TrainConfig, 'loss' | 'centering'>): boolean {
  return loss === 'infonce' || !['center', 'none'].includes(centering)
}
