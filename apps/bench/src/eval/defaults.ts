/** What `dino-bench eval` times unless told otherwise. */
export const evaluation = {
  measures: ['knn', 'features', 'video'],
  rounds: 2,
  /** Timed repetitions of each process. */
  repeats: 1,
  train: 200_000,
  queries: 10_000,
  dim: 384,
  classes: 1000,
  arch: 'vit_small' as const,
  patchSize: 16,
  batch: 32,
  /** Timed batches of each process, after two that are not. */
  batches: 6,
  /** Of a pass over files. */
  images: 128,
}
