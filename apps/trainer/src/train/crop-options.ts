import type { MultiCropOptions } from '@dino/augment'
import type { TrainConfig } from '../config/schema.js'

/** The settings of a run that say how views are drawn, as @dino/augment takes them. */
export function cropOptions(config: TrainConfig): MultiCropOptions {
  return {
    globalSize: config.globalCropsSize,
    globalScale: config.globalCropsScale,
    localSize: config.localCropsSize,
    localScale: config.localCropsScale,
    localCrops: config.localCropsNumber,
    ratio: config.cropRatio,
    flip: config.flipP,
    jitter: {
      p: config.jitterP,
      brightness: config.brightness,
      contrast: config.contrast,
      saturation: config.saturation,
      hue: config.hue,
    },
    grayscale: config.grayscaleP,
    blur: config.blurP,
    sigma: config.blurSigma,
    solarize: config.solarizeP,
  }
}
