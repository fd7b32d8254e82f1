import type { MultiCropOptions } from '@dino/augment'
import { cosineSchedule } from '@dino/optim'
import { Failure } from '../../report/io.js'
import { finetune as defaults } from './finetune-defaults.js'

/** All that decides the numbers of a fine-tuning, beside its data and the weights that it begins with. */
export interface FinetuneSettings {
  epochs: number
  batchSize: number
  /** Pixels of the square that the network sees. */
  imageSize: number
  /** Peak, for 512 images a step. */
  lr: number
  warmupEpochs: number
  minLr: number
  weightDecay: number
  /** Share of a label that is spread over all classes. */
  smoothing: number
  dropPathRate: number
  /** Factor of the learning rate from one block to the one before it. */
  layerDecay: number
  /** Both parameters of the Beta distribution that images are mixed by; 0 mixes none. */
  mixup: number
  /** Brightness, contrast and saturation change by a factor within 1 +- this. */
  colorJitter: number
  seed: number
  precision: 'fp32' | 'bf16'
}

/** The learning rate of each step, scaled by the images of a step / 512: DeiT's rule. */
export function learningRates(settings: FinetuneSettings, iterationsPerEpoch: number): Float64Array {
  const { lr, batchSize, minLr, epochs, warmupEpochs } = settings
  const base = (lr * batchSize) / 512
  return cosineSchedule({
    base,
    final: Math.min(minLr, base),
    start: Math.min(defaults.warmupLr, base),
    epochs,
    iterationsPerEpoch,
    warmupEpochs,
  })
}

/** One crop of each image: random resized crop and flip, and colour jitter if asked for. */
export function cropsOf({ imageSize, colorJitter }: FinetuneSettings): MultiCropOptions {
  return {
    globalSize: imageSize,
    globalCrops: 1,
    globalScale: defaults.cropScale,
    localCrops: 0,
    jitter: {
      p: colorJitter > 0 ? 1 : 0,
      brightness: colorJitter,
      contrast: colorJitter,
      saturation: colorJitter,
      hue: 0,
    },
    grayscale: 0,
    blur: [0, 0, 0],
    solarize: [0, 0, 0],
  }
}

/** Settings that are right one by one and wrong together. */
export function checkSettings(settings: FinetuneSettings, images: number, data: string): void {
  const { batchSize, warmupEpochs, epochs, smoothing, dropPathRate } = settings
  for (const [flag, value] of [
    ['smoothing', smoothing],
    ['drop-path-rate', dropPathRate],
  ] as const) {
    if (value === 1) throw new Failure(`--${flag}: expected a number from 0 to below 1, got 1.`, 2)
  }
  if (settings.layerDecay === 0) throw new Failure('--layer-decay: expected a number above 0, up to 1, got 0.', 2)
  if (warmupEpochs > epochs)
    throw new Failure(`--warmup-epochs ${warmupEpochs} is longer than --epochs ${epochs}. Lower it.`, 2)
  if (images < batchSize) {
    throw new Failure(
      `--batch-size ${batchSize} is larger than the training set: ${data} has ${images} labelled images. Use --batch-size ${Math.max(1, images)} or less.`,
      2,
    )
  }
}
