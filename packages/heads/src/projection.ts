import { normals, uniforms } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { checkOneOf, checkParams, checkPositiveIntegers, checkRows, type Params } from './check.js'
import { projection as defaults } from './defaults.js'
import { batchNorm, gelu, linear, normalizeRows, weightNormLinear } from './layers.js'

export interface ProjectionConfig {
  /** Width D of the backbone's output. */
  inDim: number
  /** Prototypes K. Default 65536. */
  outDim?: number
  /** Width of the hidden layers. Default 2048. */
  hiddenDim?: number
  /** Width of the normalised vector that meets the prototypes. Default 256. */
  bottleneckDim?: number
  /**
   * Linear layers before the prototypes. The last of them is the bottleneck, so 1 is a single one from `inDim` to `bottleneckDim`; without
   * a bottleneck all are hidden, and there may be none. Default 3.
   */
  nlayers?: number
  /** Batch normalisation after each hidden layer, with the statistics of the batch. Default false. */
  useBn?: boolean
  /** After each hidden layer. Default 'gelu' (exact). */
  activation?: 'gelu' | 'relu'
  /** A narrow layer and l2 normalisation before the prototypes (Caron et al. 2021, appendix C). Default true. */
  bottleneck?: boolean
  /**
   * The prototypes: 'weight-norm', rows of unit length times g; 'linear', a plain layer without bias (DINOv3); 'none', the bottleneck's output as it
   * is, `bottleneckDim` wide and not normalised, for losses that compare vectors (BYOL, MoCo). Default 'weight-norm'.
   */
  lastLayer?: 'weight-norm' | 'linear' | 'none'
}

export interface ProjectionOptions {
  /** Applied to the bottleneck's output [rows, bottleneckDim], before it is normalised: a student's predictor. */
  predict?(h: tf.Tensor2D): tf.Tensor2D
}

/**
 * The shape of every parameter, in the order of the official checkpoints.
 *
 * The numbers in `mlp.0`, `mlp.2` … count layers that have no parameters too, as PyTorch's Sequential does. A
 * checkpoint's running statistics of a batch normalisation are not among them: DINO's heads stay in training mode.
 */
export function shapes(config: ProjectionConfig): Record<string, number[]> {
  const { outDim, lastLayer, lastInput } = resolve(config)
  const all: Record<string, number[]> = {}
  for (const { linear, norm, input, output } of layers(config)) {
    all[`${linear}.weight`] = [output, input]
    all[`${linear}.bias`] = [output]
    if (norm) all[`${norm}.weight`] = [output]
    if (norm) all[`${norm}.bias`] = [output]
  }
  if (lastLayer === 'none') return all
  if (lastLayer === 'linear') return { ...all, 'last_layer.weight': [outDim, lastInput] }
  return { ...all, 'last_layer.weight_g': [outDim, 1], 'last_layer.weight_v': [outDim, lastInput] }
}

/** Columns of the output: prototypes, or the bottleneck's width without a last layer. */
export function width(config: ProjectionConfig): number {
  const { outDim, bottleneckDim, lastLayer } = resolve(config)
  return lastLayer === 'none' ? bottleneckDim : outDim
}

/**
 * Fresh parameters; the caller disposes them.
 *
 * As the reference: weights N(0, .02), biases 0, batch norms 1 and 0, g 1. The prototypes v are made after the head's
 * own initialisation, so they keep PyTorch's default for a linear layer, U(±1/√bottleneckDim); a plain last layer is N(0, .02), as DINOv3's.
 *
 * @param seed the same seed gives the same numbers, parameter by parameter
 */
export function init(config: ProjectionConfig, seed: number): Params {
  const bound = resolve(config).lastInput ** -0.5
  const params: Params = {}
  for (const [name, shape] of Object.entries(shapes(config))) {
    const size = shape.reduce((product, length) => product * length, 1)
    const one = name === 'last_layer.weight_g' || (name.endsWith('.weight') && shape.length === 1)
    const values = one
      ? new Float32Array(size).fill(1)
      : name.endsWith('.bias')
        ? new Float32Array(size)
        : name === 'last_layer.weight_v'
          ? uniforms(seed, name, size, -bound, bound)
          : normals(seed, name, size, 0.02)
    params[name] = tf.tensor(values, shape, 'float32')
  }
  return params
}

/**
 * Logits over the prototypes: an MLP, l2 normalisation, and a linear layer with weight normalisation,
 * y_k = g_k ⟨v_k, x⟩ / ‖v_k‖; less of it where the configuration leaves parts out.
 *
 * Caron et al. 2021, appendix C. Reference: `DINOHead`.
 *
 * @param x features, float32 [rows, D]
 * @returns [rows, K], or [rows, bottleneckDim] without a last layer
 * @throws if a parameter or the features have another shape or type
 */
export function apply(
  config: ProjectionConfig,
  params: Params,
  x: tf.Tensor2D,
  { predict = (h) => h }: ProjectionOptions = {},
): tf.Tensor2D {
  const { inDim, activation, useBn, bottleneck, lastLayer } = resolve(config)
  checkParams('projection', params, shapes(config))
  checkRows('projection', x, inDim)
  if (useBn && x.shape[0] < 2) {
    throw new RangeError('projection: expected at least 2 rows to normalise a batch (useBn), got 1')
  }
  return tf.tidy('head', () => {
    let h = x
    for (const { linear: name, norm, hidden } of layers(config)) {
      h = linear(h, params[`${name}.weight`], params[`${name}.bias`])
      if (norm) h = batchNorm(h, params[`${norm}.weight`], params[`${norm}.bias`])
      if (hidden) h = activation === 'gelu' ? gelu(h) : tf.relu(h)
    }
    h = predict(h)
    if (lastLayer === 'none') return h
    if (bottleneck) h = normalizeRows(h)
    if (lastLayer === 'linear') return tf.matMul(h, params['last_layer.weight'] as tf.Tensor2D, false, true)
    return weightNormLinear(h, params['last_layer.weight_v'], params['last_layer.weight_g'])
  })
}

/**
 * Which parameters stay as they are made: the lengths g of the prototypes, if the last layer is normalised
 * (`--norm_last_layer`). The teacher still follows the student's.
 *
 * @param normLastLayer default true; the reference's longer ViT-S runs use false
 * @returns whether a parameter of this name, with or without a prefix, is frozen
 */
export function frozen(normLastLayer: boolean = defaults.normLastLayer): (name: string) => boolean {
  return (name) => normLastLayer && (name === 'last_layer.weight_g' || name.endsWith('.last_layer.weight_g'))
}

function resolve(config: ProjectionConfig) {
  const { inDim, outDim = defaults.outDim, hiddenDim = defaults.hiddenDim } = config
  const { bottleneckDim = defaults.bottleneckDim, nlayers = defaults.nlayers } = config
  const { useBn = defaults.useBn, activation = defaults.activation } = config
  const { bottleneck = defaults.bottleneck, lastLayer = defaults.lastLayer } = config
  checkPositiveIntegers('projection', { inDim, outDim, hiddenDim, bottleneckDim })
  if (bottleneck || nlayers !== 0) checkPositiveIntegers('projection', { nlayers })
  checkOneOf('projection', 'activation', activation, ['gelu', 'relu'])
  checkOneOf('projection', 'lastLayer', lastLayer, ['weight-norm', 'linear', 'none'])
  if (lastLayer === 'none' && !bottleneck) {
    throw new RangeError("projection: expected a bottleneck where lastLayer is 'none': its output is the head's.")
  }
  const lastInput = bottleneck ? bottleneckDim : nlayers === 0 ? inDim : hiddenDim
  return { inDim, outDim, hiddenDim, bottleneckDim, nlayers, useBn, activation, bottleneck, lastLayer, lastInput }
}

/** The MLP's linear layers: sizes, and the names of theirs and of the batch norm behind them. */
function layers(config: ProjectionConfig) {
  const { inDim, hiddenDim, bottleneckDim, nlayers, useBn, bottleneck } = resolve(config)
  const stride = useBn ? 3 : 2 // linear, [batch norm,] activation
  return Array.from({ length: nlayers }, (_, i) => {
    const hidden = !bottleneck || i < nlayers - 1
    return {
      linear: nlayers === 1 && bottleneck ? 'mlp' : `mlp.${i * stride}`,
      norm: useBn && hidden ? `mlp.${i * stride + 1}` : undefined,
      hidden,
      input: i === 0 ? inDim : hiddenDim,
      output: hidden ? hiddenDim : bottleneckDim,
    }
  })
}
