import * as tf from '@tensorflow/tfjs-core'
import {
  attentionWeights,
  block,
  blockForCls,
  type Model,
  namesOf,
  norm,
  normedDense,
  queriesKeysValues,
  type Recompute,
  recomputed,
} from './block.js'
import { resolve, type VitConfig } from './config.js'
import { check, type Params } from './parameters.js'
import { embedPatches } from './patches.js'
import { positionEmbeddings } from './position.js'
import { checkRows, type DropPathRows } from './stochastic.js'

export interface ApplyOptions {
  /**
   * Stochastic depth as an input, [2 · depth, B] of 0 or 1 / keep: what `dropPathMask` draws. A branch's output is
   * multiplied by its row. Default: none dropped.
   */
  dropPath?: tf.Tensor2D
  /** Leaves out what is dropped instead of multiplying it by 0: what `dropPathRows` lists of the mask. Default: computes all. */
  dropPathRows?: DropPathRows
  /** Runs each block and keeps nothing inside for the gradient, such as `recompute` of @dino/graph. Default: keeps all. */
  recompute?: Recompute
  /**
   * Runs LayerNorm and GELU, each with the layer behind it, and keeps only what goes in, so that a gradient computes these two again,
   * which is little beside the products. Default: keeps what comes out too. With `recompute` there is nothing left for it.
   */
  recomputeCheap?: Recompute
}

/**
 * The [CLS] token of each image, after the final norm.
 *
 * Nothing else of the last block's output is used, so its query, projection and MLP run for [CLS] alone (7 % fewer
 * FLOPs, the same numbers).
 *
 * Dosovitskiy et al. 2021, eq. 1 to 4. Reference: `VisionTransformer.forward`.
 *
 * @param images normalised pixels, float32 [B, height, width, channels], of any size from one patch up
 * @returns [B, D]
 * @throws if a parameter, the images or the mask have another shape or type
 */
export function apply(
  config: VitConfig,
  params: Params,
  images: tf.Tensor4D,
  { dropPath, dropPathRows, recompute, recomputeCheap }: ApplyOptions = {},
): tf.Tensor2D {
  return tf.tidy(() => {
    const model = {
      ...prepare(config, params, images, dropPath, dropPathRows),
      ...(!recompute && { cheaply: recomputeCheap }),
    }
    const run = (f: typeof block, i: number, x: tf.Tensor2D) =>
      recompute ? recomputed(recompute, (model, x) => f(model, i, x), model, namesOf(model, i), x) : f(model, i, x)
    let x = embed(model, images) // [B · N, D]
    for (let i = 0; i < model.depth - 1; i++) x = run(block, i, x)
    return finalNorm(model, run(blockForCls, model.depth - 1, x)) // [B, D]
  })
}

/**
 * The outputs of the last n blocks, each after the final norm.
 *
 * Reference: `VisionTransformer.get_intermediate_layers`.
 *
 * @param images float32 [B, height, width, channels]
 * @param n how many blocks, from the end: 1 to depth
 * @returns n tensors [B, N, D], the last block's last; token 0 is [CLS]
 */
export function intermediateLayers(config: VitConfig, params: Params, images: tf.Tensor4D, n: number): tf.Tensor3D[] {
  return tf.tidy(() => {
    const model = prepare(config, params, images)
    if (!(Number.isInteger(n) && n >= 1 && n <= model.depth)) {
      throw new RangeError(`vit.intermediateLayers: expected n from 1 to depth ${model.depth}, got ${n}`)
    }
    const outputs: tf.Tensor3D[] = []
    let x = embed(model, images)
    for (let i = 0; i < model.depth; i++) {
      x = block(model, i, x)
      if (i >= model.depth - n) outputs.push(tf.reshape(finalNorm(model, x), [model.B, -1, model.embedDim]))
    }
    return outputs
  })
}

/**
 * What each token of the last block attends to. Row 0 of a head is [CLS]'s: the maps of the paper's figure 1 are its
 * columns from 1, as a grid of `gridSize(config, height, width)`.
 *
 * Reference: `VisionTransformer.get_last_selfattention`.
 *
 * @param images float32 [B, height, width, channels]
 * @returns [B, H, N, N]; rows sum to 1
 */
export function lastAttention(config: VitConfig, params: Params, images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const model = prepare(config, params, images)
    const last = model.depth - 1
    let x = embed(model, images)
    for (let i = 0; i < last; i++) x = block(model, i, x)
    const [q, k] = queriesKeysValues(model, normedDense(model, `blocks.${last}.norm1`, `blocks.${last}.attn.qkv`, x))
    return attentionWeights(q, k)
  })
}

function prepare(
  config: VitConfig,
  params: Params,
  images: tf.Tensor4D,
  dropPath?: tf.Tensor2D,
  dropPathRows?: DropPathRows,
): Model {
  const sizes = resolve(config)
  check(config, params)
  const [B, , , channels] = images.shape
  if (images.rank !== 4 || images.dtype !== 'float32' || channels !== sizes.channels) {
    throw new RangeError(
      `vit: expected images as float32 [B,height,width,${sizes.channels}], got ${images.dtype} [${images.shape}]. ` +
        'Channels come last, and bytes are normalised first',
    )
  }
  if (dropPath && String(dropPath.shape) !== String([2 * sizes.depth, B])) {
    throw new RangeError(`vit: expected a dropPath mask of [${2 * sizes.depth},${B}], got [${dropPath.shape}]`)
  }
  checkRows(dropPathRows, dropPath, [2 * sizes.depth, B])
  return { ...sizes, params, B, dropPath, dropPathRows }
}

/** Images to tokens: [CLS] and the projected patches, each with its position. Returns [B · N, D]. */
function embed(model: Model, images: tf.Tensor4D): tf.Tensor2D {
  return tf.tidy('embed', () => {
    const { params, B, embedDim: D } = model
    const [, height, width] = images.shape
    const projected = embedPatches(model, images, params['patch_embed.proj.weight'], params['patch_embed.proj.bias'])
    const patches = tf.reshape(projected, [B, -1, D]) as tf.Tensor3D // [B, N - 1, D]
    // One [CLS] for each image: adding zeros repeats it, with a cheaper gradient than tf.tile's.
    const cls = tf.add(params.cls_token, tf.zeros([B, 1, 1])) as tf.Tensor3D // [B, 1, D]
    const x = tf.add(tf.concat3d([cls, patches], 1), positionEmbeddings(model, params.pos_embed, height, width))
    return tf.reshape(x, [-1, D])
  })
}

function finalNorm(model: Model, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('norm', () => norm(model, 'norm', x))
}
