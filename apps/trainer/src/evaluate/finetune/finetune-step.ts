import { type Compiled, compile, type Session } from '@dino/graph'
import { classifier } from '@dino/heads'
import { smoothLabels, softTargetCrossEntropy } from '@dino/loss'
import { adamw, layerDecay } from '@dino/optim'
import * as tf from '@tensorflow/tfjs-core'
import { type Normalization, normalizeImages } from '../../inspect/embed.js'
import {
  type BackboneConfig,
  features,
  featureWidth,
  isVit,
  type Params,
  parameterShapes,
  statisticShapes,
  trainingFeatures,
} from '../../train/backbone.js'
import type { HostTensor } from '../../train/host-tensor.js'
import { prefixed, toHost, withoutPrefix } from '../../train/model.js'
import { type StepResult, zeros } from '../../train/step.js'
import type { FinetuneSettings } from './finetune-settings.js'

/** A backbone with a classifier on its features. */
export interface FinetuneModel {
  backbone: BackboneConfig
  classes: number
  normalization: Normalization
}

export interface FinetuneInputs {
  /** Bytes, [B, size, size, C]. */
  images: tf.Tensor4D
  /** int32 [B] */
  labels: tf.Tensor1D
  lr: tf.Scalar
  /** Factors of residual branches, [2 · depth, B]; none without drop path. */
  dropPath?: tf.Tensor2D
  /** What an image keeps of itself when the batch is mixed with itself in reverse; none without mixup. */
  kept?: tf.Scalar
}

/** Shapes of all that is trained: `backbone.NAME` under the official names, and the classifier's `head.linear.weight` and `.bias`. */
export function trainedShapes(model: FinetuneModel): Record<string, number[]> {
  return {
    ...prefixed('backbone.', parameterShapes(model.backbone)),
    ...prefixed('head.', classifier.shapes(headOf(model))),
  }
}

/** All variables before the first step: the backbone as it was given, a fresh classifier, moments of zero. */
export function initialState(
  model: FinetuneModel,
  backbone: Record<string, HostTensor>,
  seed: number,
): Record<string, HostTensor> {
  const slots = Object.entries(adamw.shapes(trainedShapes(model)))
  return {
    ...prefixed('backbone.', backbone),
    ...prefixed('head.', toHost(classifier.init(headOf(model), seed))),
    ...Object.fromEntries(slots.map(([name, shape]) => [`optimizer.${name}`, zeros(shape)])),
  }
}

/**
 * One step of supervised training: cross-entropy with smoothed labels, gradients of the whole network, AdamW.
 *
 * @param state see {@link initialState}
 */
export function finetuneStep(
  model: FinetuneModel,
  settings: Pick<FinetuneSettings, 'smoothing' | 'weightDecay' | 'layerDecay' | 'mixup'> & { recompute: boolean },
  inputs: FinetuneInputs,
  state: Params,
): StepResult {
  const names = Object.keys(trainedShapes(model))
  const params = Object.fromEntries(names.map((name) => [name, state[name]!]))
  const fixed = prefixed('backbone.', pick(state, 'backbone.', Object.keys(statisticShapes(model.backbone))))
  const mix = <T extends tf.Tensor>(x: T): T =>
    inputs.kept ? tf.add(tf.mul(x, inputs.kept), tf.mul(tf.reverse(x, 0), tf.sub(1, inputs.kept))) : x
  const images = mix(normalizeImages(inputs.images, model.normalization))
  const targets = mix(smoothLabels(inputs.labels, model.classes, settings.smoothing)) // [B, classes]
  const crops = [{ images, ...(inputs.dropPath && { dropPath: inputs.dropPath }) }]

  let kept: Params = {}
  const { value: loss, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const trained = Object.fromEntries(names.map((name, i) => [name, tensors[i]!]))
    const pass = trainingFeatures(model.backbone, withoutPrefix('backbone.', { ...fixed, ...trained }), crops, {
      ...(settings.recompute && { recompute: 'blocks' }),
    })
    kept = Object.fromEntries(Object.entries(pass.statistics).map(([name, x]) => [name, tf.keep(x)]))
    const logits = classifier.apply(headOf(model), withoutPrefix('head.', trained), pass.features)
    return softTargetCrossEntropy(logits, targets)
  })(names.map((name) => params[name]!))
  const statistics = Object.fromEntries(Object.entries(kept).map(([name, x]) => [name, tf.clone(x)]))
  tf.dispose(kept) // what is not kept goes with the caller's tidy

  const slots = Object.keys(adamw.shapes(trainedShapes(model)))
  const updated = adamw.update(
    params,
    Object.fromEntries(names.map((name, i) => [name, grads[i]!])),
    pick(state, 'optimizer.', slots),
    {
      lr: inputs.lr,
      weightDecay: settings.weightDecay,
      ...(settings.layerDecay < 1 && { lrScale: layerDecay(names, settings.layerDecay) }),
    },
  )
  const gradNorm = tf.sqrt(tf.addN(grads.map((gradient) => tf.sum(tf.square(gradient)))))
  return {
    outputs: { loss, gradNorm },
    state: { ...updated.params, ...prefixed('optimizer.', updated.state), ...prefixed('backbone.', statistics) },
    finite: ['loss', 'gradNorm'],
  }
}

/** The step as one graph; the state lives in the session. */
export function compileFinetuneStep(
  session: Session,
  model: FinetuneModel,
  settings: FinetuneSettings & { recompute: boolean },
): Promise<Compiled> {
  const { batchSize: B, imageSize: S, dropPathRate, mixup, precision } = settings
  const run = (inputs: Params, state: Params) =>
    finetuneStep(model, settings, inputs as unknown as FinetuneInputs, state)
  return compile(run, {
    session,
    name: 'fine-tuning step',
    inputs: {
      images: { shape: [B, S, S, channelsOf(model)], dtype: 'uint8' },
      labels: { shape: [B], dtype: 'int32' },
      lr: { shape: [] },
      ...(dropPathRate > 0 && isVit(model.backbone) && { dropPath: { shape: [2 * model.backbone.depth, B] } }),
      ...(mixup > 0 && { kept: { shape: [] } }),
    },
    precision: precision === 'bf16' ? 'bfloat16' : 'float32',
  })
}

/** Logits of images as they are evaluated, as one graph: bytes [batch, size, size, C] in, `logits` [batch, classes] out. */
export function compileClassifier(
  session: Session,
  model: FinetuneModel,
  { batchSize: B, imageSize: S }: Pick<FinetuneSettings, 'batchSize' | 'imageSize'>,
): Promise<Compiled> {
  return compile(
    (inputs: Params, state: Params) => {
      const names = Object.keys({ ...parameterShapes(model.backbone), ...statisticShapes(model.backbone) })
      const images = normalizeImages(inputs.images as tf.Tensor4D, model.normalization)
      const rows = features(model.backbone, pick(state, 'backbone.', names), images)
      const head = pick(state, 'head.', Object.keys(classifier.shapes(headOf(model))))
      return { outputs: { logits: classifier.apply(headOf(model), head, rows) } }
    },
    { session, name: 'classifier', inputs: { images: { shape: [B, S, S, channelsOf(model)], dtype: 'uint8' } } },
  )
}

function headOf({ backbone, classes }: FinetuneModel): classifier.ClassifierConfig {
  return { inDim: featureWidth(backbone), numLabels: classes }
}

function channelsOf({ backbone }: FinetuneModel): number {
  return (isVit(backbone) && backbone.channels) || 3
}

function pick(state: Params, prefix: string, names: string[]): Params {
  return Object.fromEntries(names.map((name) => [name, state[prefix + name]!]))
}
