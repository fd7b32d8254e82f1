import { normals } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { checkOneOf, checkParams, checkPositiveIntegers, checkRows, type Params } from './check.js'
import { predictor as defaults } from './defaults.js'
import { batchNorm, gelu, linear } from './layers.js'

export interface PredictorConfig {
  /** Width of the vectors that it takes and gives. */
  dim: number
  /** Width of its hidden layer. Default 4096. */
  hiddenDim?: number
  /** Batch normalisation of the hidden layer, with the statistics of the batch. Default true. */
  useBn?: boolean
  /** After the hidden layer. Default 'relu'. */
  activation?: 'gelu' | 'relu'
}

/** The shape of every parameter, numbered as PyTorch's Sequential does. */
export function shapes(config: PredictorConfig): Record<string, number[]> {
  const { dim, hiddenDim, useBn } = resolve(config)
  return {
    '0.weight': [hiddenDim, dim],
    '0.bias': [hiddenDim],
    ...(useBn && { '1.weight': [hiddenDim], '1.bias': [hiddenDim] }),
    [`${last(useBn)}.weight`]: [dim, hiddenDim],
    [`${last(useBn)}.bias`]: [dim],
  }
}

/** Fresh parameters, as the projection head's: weights N(0, .02), biases 0, batch norm 1 and 0; the caller disposes them. */
export function init(config: PredictorConfig, seed: number): Params {
  const params: Params = {}
  for (const [name, shape] of Object.entries(shapes(config))) {
    const size = shape.reduce((product, length) => product * length, 1)
    const values = name.endsWith('.bias')
      ? new Float32Array(size)
      : shape.length === 1
        ? new Float32Array(size).fill(1)
        : normals(seed, `predictor.${name}`, size, 0.02)
    params[name] = tf.tensor(values, shape, 'float32')
  }
  return params
}

/**
 * What the student foresees of the teacher's output: linear, [batch norm,] activation, linear. The student alone has one.
 *
 * Grill et al. 2020 (BYOL), section 3.3; Caron et al. 2021, tables 7 and 14.
 *
 * @param x outputs of the student's projection, float32 [rows, dim]
 * @returns [rows, dim]
 * @throws if a parameter or x has another shape or type
 */
export function apply(config: PredictorConfig, params: Params, x: tf.Tensor2D): tf.Tensor2D {
  const { dim, useBn, activation } = resolve(config)
  checkParams('predictor', params, shapes(config))
  checkRows('predictor', x, dim)
  if (useBn && x.shape[0] < 2) {
    throw new RangeError('predictor: expected at least 2 rows to normalise a batch (useBn), got 1')
  }
  return tf.tidy('predictor', () => {
    let h = linear(x, params['0.weight'], params['0.bias'])
    if (useBn) h = batchNorm(h, params['1.weight'], params['1.bias'])
    h = activation === 'gelu' ? gelu(h) : tf.relu(h)
    return linear(h, params[`${last(useBn)}.weight`], params[`${last(useBn)}.bias`])
  })
}

/** Number of the second linear layer. */
function last(useBn: boolean): number {
  return useBn ? 3 : 2
}

function resolve(config: PredictorConfig) {
  const { dim, hiddenDim = defaults.hiddenDim, useBn = defaults.useBn, activation = defaults.activation } = config
  checkPositiveIntegers('predictor', { dim, hiddenDim })
  checkOneOf('predictor', 'activation', activation, ['gelu', 'relu'])
  return { dim, hiddenDim, useBn, activation }
}
