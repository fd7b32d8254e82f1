import type { TrainConfig } from '@dino/trainer'

/** Multiply-adds of the backbones in a run, roughly: what one run costs beside another. The images of an epoch cancel out. */
export function relativeCost(config: TrainConfig): number {
  if (config.maxSteps !== undefined) return 0 // a few steps, beside a run
  const { arch, epochs, localCropsNumber: L, globalCropsSize: S, localCropsSize: s, batchSize } = config
  // The student forward and backward is three passes, the teacher one.
  const images = (global: number, local: number) => 2 * 4 * global + 3 * L * local
  const overhead = 1 + 8 / batchSize // what a step costs whatever its batch
  if (arch.startsWith('resnet')) return epochs * overhead * images(S * S, s * s) * 4000
  const {
    embedDim: D = arch === 'vit_base' ? 768 : arch === 'vit_small' ? 384 : 192,
    depth = 12,
    patchSize = 16,
  } = config
  const tokens = (size: number) => Math.floor(size / patchSize) ** 2 + 1
  const pass = (n: number) => depth * (12 * n * D * D + 2 * n * n * D)
  return epochs * overhead * images(pass(tokens(S)), pass(tokens(s)))
}
