import { normals, uniforms } from '@dino/random'
import * as tf from '@tensorflow/tfjs-core'
import { resolve, type VitConfig } from './config.js'

/** Tensors by their names in the official checkpoints, in PyTorch's layout. */
export type Params = Record<string, tf.Tensor>

/**
 * The shape of every parameter, in the order of the official checkpoints.
 *
 * Sums to depth·(12D² + 13D) + (3p² D + D) + D + N·D + 2D numbers at the default sizes.
 */
export function shapes(config: VitConfig): Record<string, number[]> {
  const { imgSize, patchSize: p, embedDim: D, depth, mlpRatio, channels } = resolve(config)
  const hidden = Math.floor(D * mlpRatio)
  const all: Record<string, number[]> = {
    cls_token: [1, 1, D],
    pos_embed: [1, 1 + Math.floor(imgSize / p) ** 2, D],
    'patch_embed.proj.weight': [D, channels, p, p],
    'patch_embed.proj.bias': [D],
  }
  for (let i = 0; i < depth; i++) {
    Object.assign(all, {
      [`blocks.${i}.norm1.weight`]: [D],
      [`blocks.${i}.norm1.bias`]: [D],
      [`blocks.${i}.attn.qkv.weight`]: [3 * D, D],
      [`blocks.${i}.attn.qkv.bias`]: [3 * D],
      [`blocks.${i}.attn.proj.weight`]: [D, D],
      [`blocks.${i}.attn.proj.bias`]: [D],
      [`blocks.${i}.norm2.weight`]: [D],
      [`blocks.${i}.norm2.bias`]: [D],
      [`blocks.${i}.mlp.fc1.weight`]: [hidden, D],
      [`blocks.${i}.mlp.fc1.bias`]: [hidden],
      [`blocks.${i}.mlp.fc2.weight`]: [D, hidden],
      [`blocks.${i}.mlp.fc2.bias`]: [D],
    })
  }
  return { ...all, 'norm.weight': [D], 'norm.bias': [D] }
}

/**
 * Fresh parameters; the caller disposes them.
 *
 * As the reference: weights, [CLS] and position embeddings N(0, .02), norms 1 and 0, biases 0. The patch projection
 * keeps PyTorch's default for a convolution, weight and bias U(±1/√fanIn). The reference truncates its normals at ±2,
 * which is 100 standard deviations: never.
 *
 * @param seed the same seed gives the same numbers, parameter by parameter
 */
export function init(config: VitConfig, seed: number): Params {
  const params: Params = {}
  for (const [name, shape] of Object.entries(shapes(config))) {
    params[name] = tf.tensor(initial(resolve(config), name, shape, seed), shape, 'float32')
  }
  return params
}

function initial({ patchSize, channels }: Required<VitConfig>, name: string, shape: number[], seed: number) {
  const size = shape.reduce((product, length) => product * length, 1)
  if (name.startsWith('patch_embed.')) {
    const bound = (channels * patchSize ** 2) ** -0.5
    return uniforms(seed, name, size, -bound, bound)
  }
  if (/norm\d?\.weight$/.test(name)) return new Float32Array(size).fill(1)
  if (name.endsWith('.bias')) return new Float32Array(size)
  return normals(seed, name, size, 0.02)
}

/** @throws Error naming the first parameter that is absent, of another shape or no float32 */
export function check(config: VitConfig, params: Params): void {
  for (const [name, shape] of Object.entries(shapes(config))) {
    const tensor = params[name] as tf.Tensor | undefined
    if (!tensor) {
      throw new Error(
        `vit: expected a parameter ${name} of shape [${shape}], got none. Is the checkpoint of this model?`,
      )
    }
    if (tensor.dtype !== 'float32' || String(tensor.shape) !== String(shape)) {
      throw new Error(
        `vit: expected ${name} to be float32 [${shape}], got ${tensor.dtype} [${tensor.shape}]. ` +
          'Do the architecture, patchSize and imgSize match the checkpoint?',
      )
    }
  }
}
