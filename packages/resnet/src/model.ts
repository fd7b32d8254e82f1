import * as tf from '@tensorflow/tfjs-core'
import { normByBatch, normByStatistics } from './batch-norm.js'
import { type ResnetConfig, resolve } from './config.js'
import { convolve, maxPool } from './convolution.js'
import { type Block, type ConvNorm, layout } from './layout.js'
import { check, type Params } from './parameters.js'
import { relu } from './relu.js'

/**
 * The features of images by running statistics: PyTorch's `eval()`.
 *
 * He et al. 2016. Reference: `torchvision.models.ResNet` with `fc` the identity, as DINO takes it.
 *
 * @param params parameters and running statistics
 * @param images normalised pixels, float32 [B, height, width, channels], of any size
 * @returns [B, D]: the mean over the last feature map
 * @throws if a tensor or the images have another shape or type
 */
export function apply(config: ResnetConfig, params: Params, images: tf.Tensor4D): tf.Tensor2D {
  return tf.tidy(() => {
    checkInputs(config, params, images)
    return features(config, params, images, (x, norm) => normByStatistics(x, normOf(params, norm)))
  })
}

/**
 * The features of images by their own statistics, and the running statistics after them: PyTorch's `train()`. Whoever trains
 * keeps `buffers` for the next call; of several calls in a step, each takes those of the one before.
 *
 * @param images [B, height, width, channels]
 * @returns features [B, D], and every `running_mean` and `running_var` by name
 */
export function applyTraining(
  config: ResnetConfig,
  params: Params,
  images: tf.Tensor4D,
): { features: tf.Tensor2D; buffers: Params } {
  return tf.tidy(() => {
    checkInputs(config, params, images)
    const buffers: Params = {}
    const pooled = features(config, params, images, (x, norm) => {
      const { y, mean, variance } = normByBatch(x, normOf(params, norm))
      buffers[`${norm}.running_mean`] = tf.keep(mean)
      buffers[`${norm}.running_var`] = tf.keep(variance)
      return y
    })
    // Kept through the tidies of blocks, then handed to the caller's as any result is.
    const handed = Object.entries(buffers).map(([name, kept]) => [name, tf.clone(kept)] as const)
    tf.dispose(buffers)
    return { features: pooled, buffers: Object.fromEntries(handed) }
  })
}

/** Normalises [rows, C] by the batch norm of this name. */
type Normalize = (x: tf.Tensor2D, norm: string) => tf.Tensor2D

function features(config: ResnetConfig, params: Params, images: tf.Tensor4D, normalize: Normalize): tf.Tensor2D {
  const { first, blocks } = layout(config)
  let x = tf.tidy('stem', () => maxPool(relu(convNorm(params, first, images, normalize)))) // [B, h / 4, w / 4, 64]
  for (const block of blocks) x = tf.tidy(block.name, () => residual(params, block, x, normalize))
  return tf.mean(x, [1, 2]) // [B, D]
}

/** relu(x + convs(x)), where x is made to fit if it does not. */
function residual(params: Params, { convs, downsample }: Block, x: tf.Tensor4D, normalize: Normalize): tf.Tensor4D {
  let y = x
  for (const [i, conv] of convs.entries()) {
    y = convNorm(params, conv, y, normalize)
    if (i < convs.length - 1) y = relu(y)
  }
  const shortcut = downsample ? convNorm(params, downsample, x, normalize) : x
  return relu(tf.add(y, shortcut))
}

function convNorm(params: Params, conv: ConvNorm, x: tf.Tensor4D, normalize: Normalize): tf.Tensor4D {
  const y = convolve(x, params[`${conv.conv}.weight`] as tf.Tensor4D, conv.stride) // [B, h, w, C]
  return tf.reshape(normalize(tf.reshape(y, [-1, conv.out]), conv.norm), y.shape)
}

function normOf(params: Params, name: string) {
  return {
    weight: params[`${name}.weight`]!,
    bias: params[`${name}.bias`]!,
    mean: params[`${name}.running_mean`]!,
    variance: params[`${name}.running_var`]!,
  }
}

function checkInputs(config: ResnetConfig, params: Params, images: tf.Tensor4D): void {
  const { channels } = resolve(config)
  check(config, params)
  if (images.rank !== 4 || images.dtype !== 'float32' || images.shape[3] !== channels) {
    throw new RangeError(
      `resnet: expected images as float32 [B,height,width,${channels}], got ${images.dtype} [${images.shape}]. ` +
        'Channels come last, and bytes are normalised first',
    )
  }
}
