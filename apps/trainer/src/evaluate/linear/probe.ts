import { compile, type Session } from '@dino/graph'
import { classifier } from '@dino/heads'
import { sgd } from '@dino/optim'
import type { Params } from '@dino/vit'
import '../../train/host-backend.js'
import { linear as defaults } from '@dino/eval/defaults'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from '../../train/host-tensor.js'
import { zeros } from '../../train/step.js'

export interface ProbeOptions {
  session: Session
  /** Width of the features, D. */
  inDim: number
  /** Classes, C. */
  classes: number
  /** Rows of one call, B; fewer are padded. */
  batch: number
  /** Learning rates, S of them: one classifier each, all trained at once. Default: [0], for scoring alone. */
  lrs?: readonly number[]
  /** Default 0.9. */
  momentum?: number
  /** Of the first weights, which all classifiers share. Default 0. */
  seed?: number
  /** Weights to begin with, instead of fresh ones: [C, D] and [C]. */
  weights?: ProbeWeights
}

/** A classifier under the official names: [C, D] and [C]. */
export type ProbeWeights = Record<'linear.weight' | 'linear.bias', HostTensor>

/** Linear classifiers on frozen features. */
export interface Probe {
  /**
   * One step of each classifier.
   *
   * @param features [rows, D], at most B rows
   * @param labels [rows]; a row below 0 counts for nothing
   * @param factor what the schedule makes of the learning rates: 1 at first, 0 at the end
   * @returns mean cross-entropy of each classifier before the step, [S]
   */
  step(features: Float32Array, labels: Int32Array, factor: number): Promise<Float32Array>
  /** Accuracy of each classifier on any number of rows. */
  score(features: Float32Array, labels: Int32Array): Promise<ProbeScore[]>
  weights(index?: number): Promise<ProbeWeights>
  /** All that training goes on from. */
  state(): Promise<Record<string, HostTensor>>
  restore(state: Record<string, HostTensor>): Promise<void>
  dispose(): Promise<void>
}

/** Of one classifier. Where training diverged the loss is not finite, and nothing counts as right. */
export interface ProbeScore {
  /** Mean cross-entropy. */
  loss: number
  /** Percent. */
  top1: number
  /** The label is among the first min(5, C) classes, percent. */
  top5: number
}

const PREFIX = 'probe.'
const NAMES = {
  'linear.weight': 'momentum_buffer.linear.weight',
  'linear.bias': 'momentum_buffer.linear.bias',
} as const

/**
 * S linear classifiers that see the same batches, each with a learning rate of its own, as one classifier of S · C labels: one product
 * forward, one back. Their gradients are multiplied by their rates before the momentum, which for SGD without decay is the same as after.
 *
 * Reference: `LinearClassifier` and its training in eval_linear.py (METHOD.md, 1.15).
 */
export async function openProbe(options: ProbeOptions): Promise<Probe> {
  const { session, inDim: D, classes: C, batch: B, lrs = [0], momentum = defaults.momentum } = options
  const S = lrs.length
  const config = { inDim: D, numLabels: S * C }
  const variables = initialState(options, S)
  await session.create(variables)

  const inputs = { features: { shape: [B, D] }, labels: { shape: [B], dtype: 'int32' as const } }
  const read = (state: Params, names: readonly string[]): Params =>
    Object.fromEntries(names.map((name) => [name, state[PREFIX + name]!]))
  const logitsOf = (features: tf.Tensor, state: Params) => {
    const logits = classifier.apply(config, read(state, Object.keys(NAMES)), features as tf.Tensor2D) // [B, S · C]
    return tf.reshape(logits, [B, S, C])
  }
  const oneHot = (labels: tf.Tensor) => tf.reshape(tf.oneHot(labels as tf.Tensor1D, C), [B, 1, C])

  const step = await compile(
    ({ features, labels, factor }, state) => {
      const target = tf.cast(oneHot(labels!), 'float32')
      const counted = tf.reshape(tf.cast(tf.greaterEqual(labels!, 0), 'float32'), [B, 1, 1])
      const count = tf.maximum(tf.sum(counted), 1)
      const logProbabilities = tf.logSoftmax(logitsOf(features!, state)) // [B, S, C]
      const loss = tf.neg(tf.div(tf.sum(tf.mul(logProbabilities, target), [0, 2]), count)) // [S]
      const rates = tf.tensor3d([...lrs], [1, S, 1])
      // d loss / d logits = (softmax - one-hot) / count
      const error = tf.mul(tf.sub(tf.exp(logProbabilities), target), tf.div(tf.mul(counted, rates), count))
      const gradient = tf.reshape(error, [B, S * C]) as tf.Tensor2D
      const { params, state: slots } = sgd.update(
        read(state, Object.keys(NAMES)),
        {
          'linear.weight': tf.matMul(gradient, features as tf.Tensor2D, true), // [S · C, D]
          'linear.bias': tf.sum(gradient, 0),
        },
        read(state, Object.values(NAMES)),
        { lr: factor as tf.Scalar, weightDecay: 0, momentum },
      )
      const next = Object.entries({ ...params, ...slots }).map(([name, x]) => [PREFIX + name, x])
      return { outputs: { loss }, state: Object.fromEntries(next) }
    },
    { session, name: 'probe', inputs: { ...inputs, factor: { shape: [] } } },
  )

  const score = await compile(
    ({ features, labels }, state) => {
      const logits = logitsOf(features!, state) // [B, S, C]
      const target = oneHot(labels!)
      const known = tf.reshape(tf.greaterEqual(labels!, 0), [B, 1])
      const own = tf.sum(tf.mul(logits, tf.cast(target, 'float32')), 2, true) // [B, S, 1]
      // The label and the classes behind it; of equal logits the lower class comes first. With NaN no comparison holds: it ranks last.
      const numbers = tf.reshape(tf.range(0, C, 1, 'int32'), [1, 1, C])
      const notBefore = tf.greaterEqual(numbers, tf.reshape(labels!, [B, 1, 1]))
      const from = tf.logicalOr(tf.less(logits, own), tf.logicalAnd(tf.equal(logits, own), notBefore))
      const rank = tf.sub(C, tf.sum(tf.cast(from, 'int32'), 2)) // [B, S]
      const within = (most: number) => tf.sum(tf.cast(tf.logicalAnd(tf.less(rank, most), known), 'float32'), 0) // [S]
      const loss = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), tf.cast(target, 'float32')), [0, 2])) // [S]
      return { outputs: { loss, top1: within(1), top5: within(Math.min(5, C)) } }
    },
    { session, name: 'probe accuracy', inputs },
  )

  const paddedFeatures = new Float32Array(B * D)
  const paddedLabels = new Int32Array(B)
  const padded = (features: Float32Array, labels: Int32Array) => {
    if (labels.length === B) return { features, labels }
    paddedFeatures.fill(0, features.length)
    paddedFeatures.set(features)
    paddedLabels.fill(-1, labels.length)
    paddedLabels.set(labels)
    return { features: paddedFeatures, labels: paddedLabels }
  }

  return {
    async step(features, labels, factor) {
      const { loss } = await step({ ...padded(features, labels), factor })
      return loss!.data as Float32Array
    },
    async score(features, labels) {
      const sums = { loss: new Float64Array(S), top1: new Float64Array(S), top5: new Float64Array(S) }
      for (let first = 0; first < labels.length; first += B) {
        const rows = labels.subarray(first, first + B)
        const outputs = await score(padded(features.subarray(first * D, (first + rows.length) * D), rows))
        for (const [name, sum] of Object.entries(sums)) {
          const values = outputs[name]!.data as Float32Array
          for (let s = 0; s < S; s++) sum[s]! += values[s]!
        }
      }
      const count = labels.reduce((sum, label) => sum + Number(label >= 0), 0)
      return lrs.map((_, s) => ({
        loss: sums.loss[s]! / count,
        top1: (100 * sums.top1[s]!) / count,
        top5: (100 * sums.top5[s]!) / count,
      }))
    },
    async weights(index = 0) {
      const names = Object.keys(NAMES) as (keyof typeof NAMES)[]
      const all = await session.read(names.map((name) => PREFIX + name))
      const part = (name: keyof typeof NAMES, size: number, shape: number[]): HostTensor => {
        const data = all[PREFIX + name]!.data as Float32Array
        return { dtype: 'float32', shape, data: data.slice(index * size, (index + 1) * size) }
      }
      return { 'linear.weight': part('linear.weight', C * D, [C, D]), 'linear.bias': part('linear.bias', C, [C]) }
    },
    state: () => session.read(Object.keys(variables)) as Promise<Record<string, HostTensor>>,
    restore: (state) => session.assign(state),
    async dispose() {
      step.dispose()
      score.dispose()
      await session.remove(Object.keys(variables))
    },
  }
}

/** The same first weights for all, and momentum of 0. */
function initialState({ inDim, classes, seed = 0, weights }: ProbeOptions, S: number): Record<string, HostTensor> {
  const { 'linear.weight': weight, 'linear.bias': bias } = weights ?? fresh(inDim, classes, seed)
  const repeated = ({ shape, data }: HostTensor): HostTensor => {
    const one = data as Float32Array
    const all = new Float32Array(S * one.length)
    for (let s = 0; s < S; s++) all.set(one, s * one.length)
    return { dtype: 'float32', shape: [S * shape[0]!, ...shape.slice(1)], data: all }
  }
  const named = {
    'linear.weight': repeated(weight),
    'linear.bias': repeated(bias),
    [NAMES['linear.weight']]: zeros([S * classes, inDim]),
    [NAMES['linear.bias']]: zeros([S * classes]),
  }
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [PREFIX + name, value]))
}

function fresh(inDim: number, numLabels: number, seed: number): ProbeWeights {
  const params = classifier.init({ inDim, numLabels }, seed)
  const host = (name: keyof ProbeWeights): HostTensor => {
    const { shape } = params[name]!
    return { dtype: 'float32', shape: [...shape], data: params[name]!.dataSync<'float32'>().slice() }
  }
  const weights = { 'linear.weight': host('linear.weight'), 'linear.bias': host('linear.bias') }
  tf.dispose(params)
  return weights
}
