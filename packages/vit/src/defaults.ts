/** The three published architectures (Caron et al. 2021, table 1; `vision_transformer.py`), and what they share. */
export const architectures = {
  vit_tiny: { embedDim: 192, depth: 12, numHeads: 3 },
  vit_small: { embedDim: 384, depth: 12, numHeads: 6 },
  vit_base: { embedDim: 768, depth: 12, numHeads: 12 },
} as const

/** Images in pixels; `mlpRatio` in widths; `interpolateOffset` in patches. */
export const vit = { imgSize: 224, patchSize: 16, mlpRatio: 4, channels: 3, interpolateOffset: 0.1 } as const

/** Stochastic depth of the student's last block (`--drop_path_rate`); it grows linearly from 0. */
export const dropPath = { rate: 0.1 } as const
