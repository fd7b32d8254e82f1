import { architectures } from '@dino/vit/defaults'
import { Failure } from '../report/io.js'
import { isResnet, only } from './architecture.js'
import { kebab, printed } from './fields.js'
import { hiddenLayers } from './idle.js'
import { needsWholeBatch } from './needs-whole-batch.js'
import type { TrainConfig } from './schema.js'

/** Settings that are right one by one and wrong together: the first such problem is thrown, with what to do. */
export function checkTogether(config: TrainConfig): void {
  const say = (key: keyof TrainConfig, value: unknown = config[key]) => `--${kebab(key)} ${printed(value)}`

  const { arch } = config
  for (const key of only[isResnet(arch) ? 'vit' : 'resnet']) {
    const kind = isResnet(arch) ? 'vision transformer' : 'ResNet'
    refuseIf(config[key] !== undefined, `${say(key)} is of a ${kind}, and ${say('arch')} is none. Leave it out`)
  }
  if (isResnet(arch)) checkResnet(config, say)
  else {
    for (const key of ['imgSize', 'globalCropsSize', 'localCropsSize'] as const) {
      if (key === 'localCropsSize' && config.localCropsNumber === 0) continue
      refuseIf(
        config[key]! < config.patchSize!,
        `${say('patchSize')} does not fit ${say(key)}: an image must hold at least one patch. Use smaller patches or larger crops`,
      )
    }

    const { embedDim = architectures[arch].embedDim, numHeads = architectures[arch].numHeads } = config
    refuseIf(
      embedDim % numHeads !== 0,
      `${say('embedDim', embedDim)} is not divisible by ${say('numHeads', numHeads)}: every head has the same width. Set --num-heads to a divisor`,
    )
  }

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

  checkMethod(config, say)

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
    refuseIf(
      config.predictor && config.predictorBn,
      `${say('microBatch')} with ${say('predictorBn')}: batch norm takes its statistics from all images that it sees. Use --predictor-bn false or a smaller --batch-size`,
    )
    refuseIf(
      needsWholeBatch(config),
      `${say('microBatch')} with ${config.loss === 'infonce' ? say('loss') : say('centering')}: it needs the whole batch at once. Leave --micro-batch out`,
    )
  }

  refuseIf(
    config.dropPathRows !== undefined && config.dropPathRate === 0,
    `${say('dropPathRows')} with ${say('dropPathRate')}: nothing is dropped. Leave it out, or use --drop-path-rate 0.1`,
  )

  for (const key of ['globalCropsScale', 'localCropsScale', 'cropRatio', 'blurSigma'] as const) {
    const [low, high] = config[key]
    refuseIf(low > high, `${say(key)}: the first number must not be above the second. Swap them`)
  }
  for (const key of ['globalCropsScale', 'localCropsScale'] as const) {
    refuseIf(config[key][0] === 0, `${say(key)}: a crop of no area. Start above 0`)
  }
}

/** Pixels that a ResNet makes one value of: strides of 2 in the stem, its pooling and three stages. */
const RESNET_STRIDE = 32

function checkResnet(config: TrainConfig, say: (key: keyof TrainConfig) => string): void {
  const { arch, batchSize, microBatch = batchSize, localCropsNumber: L, localCropsSize } = config
  const with_ = (key: keyof TrainConfig) => `${say(key)} with --arch ${arch}`
  refuseIf(
    config.dropPathRate > 0,
    `${with_('dropPathRate')}: stochastic depth is of the vision transformers. Leave it out`,
  )
  refuseIf(
    microBatch !== batchSize,
    `${with_('microBatch')}: batch norm takes its statistics from all images that it sees, so parts would not give the step of the whole batch. Use --accumulate, which is meant to be another step, or a smaller --batch-size`,
  )
  refuseIf(
    config.recompute,
    `${with_('recompute')}: blocks would be computed twice, and move their running statistics twice. Use a smaller --batch-size`,
  )
  const values = L * batchSize * Math.ceil(localCropsSize / RESNET_STRIDE) ** 2
  refuseIf(
    L > 0 && values < 2,
    `${say('localCropsSize')} and ${say('batchSize')} leave one value a channel in the last blocks of --arch ${arch}, and batch norm needs two. Use larger local crops or more images`,
  )
}

/** What of loss, centering, head and teacher goes together (tables 7, 14 and 15 of the paper). */
function checkMethod(config: TrainConfig, say: (key: keyof TrainConfig) => string): void {
  const { loss, centering, lastLayer, headBottleneck, headLayers, batchSize, queueSize } = config
  refuseIf(
    loss === 'cross-entropy' && lastLayer === 'none',
    `${say('lastLayer')} with ${say('loss')}: without prototypes there is no distribution. Use --loss mse or infonce, or another last layer`,
  )
  refuseIf(
    loss !== 'cross-entropy' && !['center', 'none'].includes(centering),
    `${say('centering')} with ${say('loss')}: it makes distributions, which only the cross-entropy compares. Use --centering center or none`,
  )
  refuseIf(
    loss === 'infonce' && centering !== 'none',
    `${say('centering')} with ${say('loss')}: keys are compared as they are. Use --centering none`,
  )
  const keys = config.symmetricLoss ? 2 * batchSize : batchSize
  refuseIf(
    loss === 'infonce' && queueSize < keys,
    `${say('queueSize')} with ${say('batchSize')}: a batch adds ${keys} keys. Use --queue-size ${keys} or more`,
  )
  refuseIf(
    loss === 'infonce' && config.accumulate > 1,
    `${say('accumulate')} with ${say('loss')}: batches of a step would have to share a queue that moves between them. Use a larger --batch-size`,
  )
  refuseIf(
    loss === 'cross-entropy' && !config.symmetricLoss,
    `${say('symmetricLoss')} with ${say('loss')}: its pairs are all of them. Use --loss mse or infonce`,
  )
  refuseIf(
    !headBottleneck && lastLayer === 'none',
    `${say('headBottleneck')} with ${say('lastLayer')}: nothing of the head would be left. Keep one of them`,
  )
  refuseIf(
    !headBottleneck && config.predictor,
    `${say('predictor')} with ${say('headBottleneck')}: it stands behind the bottleneck. Keep the bottleneck`,
  )
  refuseIf(
    headBottleneck && headLayers === 0,
    `${say('headLayers')} with ${say('headBottleneck')}: the bottleneck is the last of them. Use at least 1`,
  )
  const shallow = hiddenLayers(config) === 0
  const why = `${say('headLayers')}: the head has no hidden layer for it${headBottleneck ? ', its only layer is the bottleneck' : ''}`
  refuseIf(
    shallow && config.useBnInHead,
    `${say('useBnInHead')} with ${why}. Use --use-bn-in-head false or more layers`,
  )
  const { teacher, momentumTeacher, momentumTeacherEnd } = config
  refuseIf(
    teacher === 'momentum' && momentumTeacherEnd < momentumTeacher,
    `${say('momentumTeacherEnd')} is below ${say('momentumTeacher')}: the teacher is to follow more and more slowly, not faster. Use --momentum-teacher-end ${printed(momentumTeacher)} or more`,
  )
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
