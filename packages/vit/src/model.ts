import * as tf from '@tensorflow/tfjs-core'
import { resolve, type VitConfig } from './config.js'
import { gelu, layerNorm, linear } from './layers.js'
import { check, type Params, shapes } from './parameters.js'
import { embedPatches } from './patches.js'
import { positionEmbeddings } from './position.js'
import { checkRows, type DropPathRows, stochastic } from './stochastic.js'

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
}

/** Calls fn(x, ...params) in a way of its own. */
export type Recompute = (
  fn: (x: tf.Tensor2D, ...params: tf.Tensor[]) => tf.Tensor2D,
  x: tf.Tensor2D,
  params: tf.Tensor[],
) => tf.Tensor2D

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
  { dropPath, dropPathRows, recompute }: ApplyOptions = {},
): tf.Tensor2D {
  return tf.tidy(() => {
    const model = prepare(config, params, images, dropPath, dropPathRows)
    const run = (f: typeof block, i: number, x: tf.Tensor2D) =>
      recompute ? recomputed(recompute, f, model, i, x) : f(model, i, x)
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
    const [q, k] = queriesKeysValues(model, `blocks.${last}.attn.qkv`, norm(model, `blocks.${last}.norm1`, x))
    return attentionWeights(q, k)
  })
}

/** A model as one call sees it: its sizes, its parameters, its batch. */
interface Model extends Required<VitConfig> {
  params: Params
  /** Images. */
  B: number
  /** Rows of the drop-path mask, [B] each; empty when nothing is dropped. */
  keep: tf.Tensor1D[]
  /** The images that each branch computes; all without it. */
  dropPathRows?: DropPathRows
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
  return { ...sizes, params, B, keep: dropPath ? (tf.unstack(dropPath) as tf.Tensor1D[]) : [], dropPathRows }
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

/**
 * x + attention(norm(x)), then x + mlp(norm(x)). Tidied block by block: what no gradient needs is gone before the next.
 *
 * Reference: `Block`.
 *
 * @param x [B · N, D]
 */
function block(model: Model, i: number, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(`blocks.${i}`, () => {
    const y = tf.add(
      x,
      branch(model, 2 * i, x, (part, x) => attention(part, `blocks.${i}.attn`, norm(part, `blocks.${i}.norm1`, x))),
    ) as tf.Tensor2D
    return tf.add(y, processed(model, i, y))
  })
}

/**
 * The same for [CLS] alone: it attends to every token, and nothing else goes on.
 *
 * @param x [B · N, D]
 * @returns [B, D]
 */
function blockForCls(model: Model, i: number, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(`blocks.${i}`, () => {
    const y = tf.add(
      clsRows(model, x),
      branch(model, 2 * i, x, (part, x) =>
        attentionOfCls(part, `blocks.${i}.attn`, norm(part, `blocks.${i}.norm1`, x)),
      ),
    ) as tf.Tensor2D
    return tf.add(y, processed(model, i, y))
  })
}

/** mlp(norm(y)), [B · N, D] as y. */
function processed(model: Model, i: number, y: tf.Tensor2D): tf.Tensor2D {
  return branch(model, 2 * i + 1, y, (part, y) => mlp(part, `blocks.${i}.mlp`, norm(part, `blocks.${i}.norm2`, y)))
}

/**
 * A residual branch under stochastic depth: each image's rows multiplied by its entry of the mask, and those of dropped images left out
 * of the computation where the caller listed the others.
 *
 * @param x [B · N, D]
 * @param f from the tokens of `part`'s images to [their number · M, D]
 * @returns [B · M, D]
 */
function branch(
  model: Model,
  row: number,
  x: tf.Tensor2D,
  f: (part: Model, x: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor2D {
  const { B, embedDim: D, keep, dropPathRows } = model
  const mask = keep[row]
  const rows = dropPathRows?.rows[row]
  if (!mask) return f(model, x)
  const places = rows && (tf.reshape(tf.slice(dropPathRows!.places, [row, 0], [1, B]), [B]) as tf.Tensor1D)
  return stochastic(tf.reshape(x, [B, -1, D]), { mask, rows, places }, (x, count) => f({ ...model, B: count }, x))
}

/** A block that is handed all it needs, so that the tensors are still there, and get their gradients, when it runs again. */
function recomputed(recompute: Recompute, f: typeof block, model: Model, i: number, x: tf.Tensor2D): tf.Tensor2D {
  const names = Object.keys(shapes(model)).filter((name) => name.startsWith(`blocks.${i}.`))
  const masks = model.keep.slice(2 * i, 2 * i + 2)
  const run = (x: tf.Tensor2D, ...given: tf.Tensor[]) => {
    const params = Object.fromEntries(names.map((name, k) => [name, given[k]!]))
    const keep = [...model.keep]
    keep.splice(2 * i, masks.length, ...(given.slice(names.length) as tf.Tensor1D[]))
    return f({ ...model, params, keep }, i, x)
  }
  return recompute(run, x, [...names.map((name) => model.params[name]!), ...masks])
}

/**
 * Multi-head self-attention: softmax(q kᵀ / √d) v in each head.
 *
 * Vaswani et al. 2017, eq. 1. Reference: `Attention`.
 *
 * @param x [B · N, D]
 * @returns [B · N, D]
 */
function attention(model: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('attn', () => {
    const [q, k, v] = queriesKeysValues(model, `${name}.qkv`, x) // [B, H, N, d] each
    const mixed = tf.matMul(attentionWeights(q, k), v) // [B, H, N, d]
    const heads = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [-1, model.embedDim]) as tf.Tensor2D
    return dense(model, `${name}.proj`, heads)
  })
}

/**
 * Attention with [CLS] as the only query.
 *
 * @param x [B · N, D]
 * @returns [B, D]
 */
function attentionOfCls(model: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('attn', () => {
    const { params, B, numHeads: H, embedDim: D } = model
    const d = D / H
    const [queryWeight, keyValueWeight] = tf.split(params[`${name}.qkv.weight`], [D, 2 * D]) as [tf.Tensor, tf.Tensor]
    const [queryBias, keyValueBias] = tf.split(params[`${name}.qkv.bias`], [D, 2 * D]) as [tf.Tensor, tf.Tensor]
    const q = tf.reshape(linear(clsRows(model, x), queryWeight, queryBias), [B, H, 1, d]) as tf.Tensor4D
    const kv = tf.reshape(linear(x, keyValueWeight, keyValueBias), [B, -1, 2, H, d])
    const [k, v] = tf.unstack(tf.transpose(kv, [2, 0, 3, 1, 4])) as [tf.Tensor4D, tf.Tensor4D] // [B, H, N, d] each
    const heads = tf.reshape(tf.matMul(attentionWeights(q, k), v), [B, D]) as tf.Tensor2D
    return dense(model, `${name}.proj`, heads)
  })
}

/** Returns three tensors [B, H, N, d]; the layer's output holds q, k, v one after the other. */
function queriesKeysValues(model: Model, name: string, x: tf.Tensor2D) {
  const { B, numHeads: H, embedDim: D } = model
  const qkv = tf.reshape(dense(model, name, x), [B, -1, 3, H, D / H])
  return tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4])) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
}

/** softmax(q kᵀ / √d), [B, H, queries, N]. The queries are scaled, being fewer numbers than the products. */
function attentionWeights(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D {
  const d = q.shape[3]
  return tf.softmax(tf.matMul(tf.mul(q, d ** -0.5), k, false, true))
}

function mlp(model: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('mlp', () => dense(model, `${name}.fc2`, gelu(dense(model, `${name}.fc1`, x))))
}

/** The rows of [CLS], [B, D], out of [B · N, D]. */
function clsRows({ B, embedDim: D }: Model, x: tf.Tensor2D): tf.Tensor2D {
  const first = tf.slice(tf.reshape(x, [B, -1, D]), [0, 0, 0], [B, 1, D])
  return tf.reshape(first, [B, D])
}

function dense({ params }: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return linear(x, params[`${name}.weight`], params[`${name}.bias`])
}

function norm({ params }: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return layerNorm(x, params[`${name}.weight`], params[`${name}.bias`])
}

function finalNorm(model: Model, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('norm', () => norm(model, 'norm', x))
}
