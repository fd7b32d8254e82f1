import { normals } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import type { ResnetConfig } from './config.js'
import { convolutions } from './layout.js'

/** Tensors by their names in torchvision's state dict, in PyTorch's layout. */
export type Params = Record<string, tf.Tensor>

/** The shape of every parameter that is trained, in torchvision's order. There is no `fc`: DINO's heads come after the features. */
export function shapes(config: ResnetConfig): Record<string, number[]> {
  const all = convolutions(config).map(({ conv, norm, in: from, out, kernel }) => ({
    [`${conv}.weight`]: [out, from, kernel, kernel],
    [`${norm}.weight`]: [out],
    [`${norm}.bias`]: [out],
  }))
  return Object.assign({}, ...all)
}

/** The shape of every running statistic, PyTorch's buffers: `running_mean` and `running_var` of each batch norm. */
export function buffers(config: ResnetConfig): Record<string, number[]> {
  const all = convolutions(config).map(({ norm, out }) => ({
    [`${norm}.running_mean`]: [out],
    [`${norm}.running_var`]: [out],
  }))
  return Object.assign({}, ...all)
}

/**
 * Fresh parameters and running statistics; the caller disposes them.
 *
 * As torchvision: convolutions N(0, 2 / fanOut) (He et al. 2015), batch norms 1 and 0, statistics of mean 0 and variance 1.
 *
 * @param seed the same seed gives the same numbers, parameter by parameter
 */
export function init(config: ResnetConfig, seed: number): Params {
  const all = Object.entries({ ...shapes(config), ...buffers(config) })
  return Object.fromEntries(all.map(([name, shape]) => [name, tf.tensor(initial(name, shape, seed), shape, 'float32')]))
}

function initial(name: string, shape: number[], seed: number): Float32Array {
  const size = shape.reduce((product, length) => product * length, 1)
  if (shape.length === 4) return normals(seed, name, size, Math.sqrt(2 / (shape[0]! * shape[2]! * shape[3]!)))
  return new Float32Array(size).fill(name.endsWith('.weight') || name.endsWith('.running_var') ? 1 : 0)
}

/** @throws Error naming the first tensor that is absent, of another shape or no float32 */
export function check(config: ResnetConfig, params: Params): void {
  for (const [name, shape] of Object.entries({ ...shapes(config), ...buffers(config) })) {
    const tensor = params[name] as tf.Tensor | undefined
    if (!tensor) {
      throw new Error(
        `resnet: expected a tensor ${name} of shape [${shape}], got none. Is the checkpoint of this model?`,
      )
    }
    if (tensor.dtype !== 'float32' || String(tensor.shape) !== String(shape)) {
      throw new Error(
        `resnet: expected ${name} to be float32 [${shape}], got ${tensor.dtype} [${tensor.shape}]. ` +
          'Does the architecture match the checkpoint?',
      )
    }
  }
}
