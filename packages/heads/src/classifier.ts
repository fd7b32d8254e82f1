import { normals } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { checkParams, checkPositiveIntegers, checkRows, type Params } from './check.js'
import { classifier as defaults } from './defaults.js'
import { linear } from './layers.js'

export interface ClassifierConfig {
  /** Width of the features. */
  inDim: number
  /** Classes. Default 1000. */
  numLabels?: number
}

/** The shape of every parameter, named as in the official linear weights. */
export function shapes({ inDim, numLabels = defaults.numLabels }: ClassifierConfig): Record<string, number[]> {
  checkPositiveIntegers('classifier', { inDim, numLabels })
  return { 'linear.weight': [numLabels, inDim], 'linear.bias': [numLabels] }
}

/**
 * Fresh parameters, weights N(0, .01) and biases 0; the caller disposes them.
 *
 * Reference: `LinearClassifier` in eval_linear.py.
 */
export function init(config: ClassifierConfig, seed: number): Params {
  const { 'linear.weight': weight, 'linear.bias': bias } = shapes(config)
  const [numLabels, inDim] = weight
  return {
    'linear.weight': tf.tensor(normals(seed, 'linear.weight', numLabels * inDim, 0.01), weight),
    'linear.bias': tf.zeros(bias),
  }
}

/**
 * Logits of the classes.
 *
 * @param x features, float32 [rows, inDim]
 * @returns [rows, numLabels]
 * @throws if a parameter or the features have another shape or type
 */
export function apply(config: ClassifierConfig, params: Params, x: tf.Tensor2D): tf.Tensor2D {
  checkParams('classifier', params, shapes(config))
  checkRows('classifier', x, config.inDim)
  return tf.tidy(() => linear(x, params['linear.weight'], params['linear.bias']))
}
