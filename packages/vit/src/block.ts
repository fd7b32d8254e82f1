import * as tf from '@tensorflow/tfjs-core'
import type { VitConfig } from './config.js'
import { gelu, layerNorm, linear, product, scaledProducts } from './layers.js'
import { type Params, shapes } from './parameters.js'
import { type DropPathRows, stochastic } from './stochastic.js'

/** Calls fn(x, ...params) in a way of its own. */
export type Recompute = (
  fn: (x: tf.Tensor2D, ...params: tf.Tensor[]) => tf.Tensor2D,
  x: tf.Tensor2D,
  params: tf.Tensor[],
) => tf.Tensor2D

/** A model as one call sees it: its sizes, its parameters, its batch. */
export interface Model extends Required<VitConfig> {
  params: Params
  /** Images. */
  B: number
  /** The drop-path mask, [2 · depth, B]; none when nothing is dropped. */
  dropPath?: tf.Tensor2D
  /** The images that each branch computes; all without it. */
  dropPathRows?: DropPathRows
  /** How to run a LayerNorm or GELU with the layer behind it; as they are without it. */
  cheaply?: Recompute
}

/**
 * x + attention(norm(x)), then x + mlp(norm(x)). Tidied block by block: what no gradient needs is gone before the next.
 *
 * Reference: `Block`.
 *
 * @param x [B · N, D]
 */
export function block(model: Model, i: number, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(`blocks.${i}`, () => {
    const y = tf.add(
      x,
      branch(model, 2 * i, x, (part, x) => attention(part, `blocks.${i}.attn`, `blocks.${i}.norm1`, x)),
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
export function blockForCls(model: Model, i: number, x: tf.Tensor2D): tf.Tensor2D {
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
  return branch(model, 2 * i + 1, y, (part, y) => mlp(part, `blocks.${i}.mlp`, `blocks.${i}.norm2`, y))
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
  const { B, dropPath, dropPathRows } = model
  if (!dropPath) return f(model, x)
  const rows = dropPathRows?.rows[row]
  const own = (all: tf.Tensor2D) => tf.reshape(tf.slice(all, [row, 0], [1, B]), [B]) as tf.Tensor1D
  const drawn = { mask: own(dropPath), ...(rows && { rows, places: own(dropPathRows.places) }) }
  return stochastic(x, B, drawn, (x, count) => f({ ...model, B: count }, x))
}

/** A part that is handed its parameters, so that they are still there, and get their gradients, when it runs again. */
export function recomputed(
  recompute: Recompute,
  f: (model: Model, x: tf.Tensor2D) => tf.Tensor2D,
  model: Model,
  names: readonly string[],
  x: tf.Tensor2D,
): tf.Tensor2D {
  const run = (x: tf.Tensor2D, ...given: tf.Tensor[]) =>
    f({ ...model, params: Object.fromEntries(names.map((name, k) => [name, given[k]!])) }, x)
  return recompute(
    run,
    x,
    names.map((name) => model.params[name]!),
  )
}

/** The names of the parameters of a block. */
export function namesOf(model: Model, i: number): string[] {
  return Object.keys(shapes(model)).filter((name) => name.startsWith(`blocks.${i}.`))
}

/**
 * Multi-head self-attention: softmax(q kᵀ / √d) v in each head.
 *
 * Vaswani et al. 2017, eq. 1. Reference: `Attention`.
 *
 * @param x [B · N, D], before its norm
 * @returns [B · N, D]
 */
function attention(model: Model, name: string, normName: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('attn', () => {
    const [q, k, v] = queriesKeysValues(model, normedDense(model, normName, `${name}.qkv`, x)) // [B, H, N, d] each
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

/** Three tensors [B, H, N, d] of the layer's output, which holds q, k, v one after the other. */
export function queriesKeysValues({ B, numHeads: H, embedDim: D }: Model, qkv: tf.Tensor2D) {
  const parts = tf.reshape(qkv, [B, -1, 3, H, D / H])
  return tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4])) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]
}

/** softmax(q kᵀ / √d), [B, H, queries, N]. */
export function attentionWeights(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D {
  return tf.softmax(scaledProducts(q, k))
}

function mlp(model: Model, name: string, normName: string, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy('mlp', () => {
    const [weight, bias] = [`${name}.fc1.weight`, `${name}.fc1.bias`]
    const products = cheaply(model, [...layerNames(normName), weight], x, (part, x) =>
      product(norm(part, normName, x), part.params[weight]!),
    )
    return cheaply(model, [bias, ...layerNames(`${name}.fc2`)], products, (part, x) =>
      dense(part, `${name}.fc2`, gelu(x, part.params[bias]!)),
    )
  })
}

/** A layer on normalised rows. */
export function normedDense(model: Model, normName: string, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return cheaply(model, [...layerNames(normName), ...layerNames(name)], x, (part, x) =>
    dense(part, name, norm(part, normName, x)),
  )
}

function layerNames(name: string): string[] {
  return [`${name}.weight`, `${name}.bias`]
}

/** f, which uses the parameters of these names, and of which only x is kept for its gradient if the caller has a way. */
function cheaply(
  model: Model,
  names: readonly string[],
  x: tf.Tensor2D,
  f: (model: Model, x: tf.Tensor2D) => tf.Tensor2D,
): tf.Tensor2D {
  return model.cheaply ? recomputed(model.cheaply, f, model, names, x) : f(model, x)
}

/** The rows of [CLS], [B, D], out of [B · N, D]. */
function clsRows({ B, embedDim: D }: Model, x: tf.Tensor2D): tf.Tensor2D {
  const first = tf.slice(tf.reshape(x, [B, -1, D]), [0, 0, 0], [B, 1, D])
  return tf.reshape(first, [B, D])
}

function dense({ params }: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return linear(x, params[`${name}.weight`], params[`${name}.bias`])
}

export function norm({ params }: Model, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return layerNorm(x, params[`${name}.weight`], params[`${name}.bias`])
}
