import { architectures } from '@dino/vit/defaults'
import { Failure } from '../report/io.js'
import { kebab, printed } from './fields.js'
import type { TrainConfig } from './schema.js'

/** Settings that are right one by one and wrong together: the first such problem is thrown, with what to do. */
export function checkTogether(config: TrainConfig): void {
  const say = (key: keyof TrainConfig, value: unknown = config[key]) => `--${kebab(key)} ${printed(value)}`

  for (const key of ['imgSize', 'globalCropsSize', 'localCropsSize'] as const) {
    if (key === 'localCropsSize' && config.localCropsNumber === 0) continue
    refuseIf(
      config[key] < config.patchSize,
      `${say('patchSize')} does not fit ${say(key)}: an image must hold at least one patch. Use smaller patches or larger crops`,
    )
  }

  const embedDim = config.embedDim ?? architectures[config.arch].embedDim
  const numHeads = config.numHeads ?? architectures[config.arch].numHeads
  refuseIf(
    embedDim % numHeads !== 0,
    `${say('embedDim', embedDim)} is not divisible by ${say('numHeads', numHeads)}: every head has the same width. Set --num-heads to a divisor`,
  )

  refuseIf(
    config.warmupEpochs > config.epochs,
    `${say('warmupEpochs')} is longer than ${say('epochs')}: the learning rate would never reach --lr. Lower --warmup-epochs (a tenth of the epochs is usual)`,
  )
  refuseIf(
    config.warmupTeacherTempEpochs > config.epochs,
    `${say('warmupTeacherTempEpochs')} is longer than ${say('epochs')}: the teacher would never reach --teacher-temp. Lower it`,
  )

  refuseIf(
    config.precision === 'bf16' && config.engine === 'eager',
    `${say('precision')} with ${say('engine')}: TensorFlow.js computes in fp32 only. Use --precision fp32 or auto, or leave --engine out`,
  )

  const { microBatch, batchSize } = config
  if (microBatch !== undefined && microBatch !== batchSize) {
    const divisors = Array.from({ length: batchSize }, (_, i) => i + 1).filter((size) => batchSize % size === 0)
    const near = divisors.findLast((size) => size <= microBatch)
    refuseIf(
      batchSize % microBatch !== 0,
      `${say('microBatch')} does not divide ${say('batchSize')}: parts of different size would not count alike. Use ${near}`,
    )
    refuseIf(
      config.useBnInHead,
      `${say('microBatch')} with ${say('useBnInHead')}: batch norm takes its statistics from all images that it sees, so parts would not give the step of the whole batch. Use --accumulate, which is meant to be another step, or a smaller --batch-size`,
    )
  }

  for (const key of ['globalCropsScale', 'localCropsScale', 'cropRatio', 'blurSigma'] as const) {
    const [low, high] = config[key]
    refuseIf(low > high, `${say(key)}: the first number must not be above the second. Swap them`)
  }
  for (const key of ['globalCropsScale', 'localCropsScale'] as const) {
    refuseIf(config[key][0] === 0, `${say(key)}: a crop of no area. Start above 0`)
  }
}

/** Refuses a batch that the data cannot fill; the last, incomplete batch of an epoch is dropped as in the reference. */
export function checkDataset(config: Pick<TrainConfig, 'batchSize' | 'accumulate' | 'data'>, images: number): void {
  const { batchSize, accumulate } = config
  refuseIf(
    accumulate > 1 && images >= batchSize && images < batchSize * accumulate,
    `--batch-size ${batchSize} --accumulate ${accumulate} is larger than the data set: ${config.data} has ${images} images. Use --accumulate ${Math.floor(images / batchSize)} or less`,
  )
  refuseIf(
    images < config.batchSize,
    `--batch-size ${config.batchSize} is larger than the data set: ${config.data} has ${images} ${images === 1 ? 'image' : 'images'}. Use --batch-size ${Math.max(1, images)} or less`,
  )
}

function refuseIf(wrong: boolean, message: string): void {
  if (wrong) throw new Failure(`${message}.`, 2)
}
