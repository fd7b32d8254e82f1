/** The reference's numbers (`main_dino.py`, `DataAugmentationDINO`; METHOD 1.12), free of imports so that a command's help can print them. */
export const multiCropDefaults = {
  globalSize: 224,
  globalCrops: 2,
  localSize: 96,
  globalScale: [0.4, 1],
  localScale: [0.05, 0.4],
  localCrops: 8,
  ratio: [3 / 4, 4 / 3],
  flip: 0.5,
  jitter: { p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
  grayscale: 0.2,
  blur: [1, 0.1, 0.5],
  sigma: [0.1, 2],
  solarize: [0, 0.2, 0],
  solarizeThreshold: 128,
} as const

/** `eval_knn.py`. */
export const evaluation = { resize: 256, crop: 224 } as const

/** ImageNet's, of each channel as a fraction of 255. */
export const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const
