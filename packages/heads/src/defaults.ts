/** DINO's projection head (`DINOHead` in vision_transformer.py, and the flags --out_dim, --norm_last_layer, …). */
export const projection = {
  outDim: 65536,
  hiddenDim: 2048,
  bottleneckDim: 256,
  nlayers: 3,
  useBn: false,
  activation: 'gelu',
  bottleneck: true,
  lastLayer: 'weight-norm',
  normLastLayer: true,
} as const

/** The linear probe's classifier (`eval_linear.py`). */
export const classifier = { numLabels: 1000 } as const

/** BYOL's predictor (Grill et al. 2020, section 3.3). */
export const predictor = { hiddenDim: 4096, useBn: true, activation: 'relu' } as const
