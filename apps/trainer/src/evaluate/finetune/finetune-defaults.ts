/**
 * Fine-tuning as DeiT does it (Touvron et al. 2021, table 9, and its main.py), which the paper follows for its table 6. `epochs`, `batchSize`
 * and `minLr` are ours: DeiT's are 300 on ImageNet and 1000 on small sets, 1024, and 1e-5, which a small batch would never rise above.
 */
export const finetune = {
  epochs: 100,
  batchSize: 64,
  /** For 512 images a step. */
  lr: 0.0005,
  minLr: 1e-6,
  /** Where the warm-up begins; not scaled. */
  warmupLr: 1e-6,
  /** Of the epochs: 5 of 100. */
  warmupShare: 0.05,
  weightDecay: 0.05,
  smoothing: 0.1,
  dropPathRate: 0.1,
  layerDecay: 1,
  mixup: 0,
  colorJitter: 0,
  /** Share of the image's area in a crop. */
  cropScale: [0.08, 1],
  seed: 0,
} as const
