import { recompute } from '@dino/graph'
import { type ProjectionConfig, projection } from '@dino/heads'
import type { Params } from '@dino/vit'
import * as vit from '@dino/vit'
import './host-backend.js'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from './host-tensor.js'

/** What a run trains: a backbone with a projection head, and the constants of its step. */
export interface Setup {
  vit: vit.VitConfig
  head: ProjectionConfig
  loss: { studentTemp: number; centerMomentum: number }
  optim: {
    name: 'adamw' | 'sgd' | 'lars'
    /** Largest norm of each parameter's gradient; 0 turns clipping off. */
    clipGrad: number
    /** Keeps `weight_g` of the last layer at 1. */
    normLastLayer: boolean
  }
  /** Computes the student's blocks again for their gradients instead of keeping what is inside. Default false. */
  recompute?: boolean
}

/** Shapes of all parameters of a student (or teacher), by their name in the official checkpoints. */
export function modelShapes({ vit: backbone, head }: Pick<Setup, 'vit' | 'head'>): Record<string, number[]> {
  return { ...prefixed('backbone.', vit.shapes(backbone)), ...prefixed('head.', projection.shapes(head)) }
}

/** A fresh student, as host tensors; the same seed gives the same weights on any engine. */
export function initStudent(setup: Setup, seed: number): Record<string, HostTensor> {
  return {
    ...toHost(prefixed('backbone.', vit.init(setup.vit, seed))),
    ...toHost(prefixed('head.', projection.init(setup.head, seed))),
  }
}

/**
 * Logits of several groups of images, each group of one size: one backbone pass a group, one head pass on all rows
 * (Caron et al. 2021, `MultiCropWrapper`).
 *
 * @returns [rows of all groups, K], in the order of the groups
 */
export function forward(
  setup: Pick<Setup, 'vit' | 'head' | 'recompute'>,
  params: Params,
  groups: { images: tf.Tensor4D; dropPath?: tf.Tensor2D }[],
): tf.Tensor2D {
  const backbone = withoutPrefix('backbone.', params)
  const features = groups.map(({ images, dropPath }) =>
    vit.apply(setup.vit, backbone, images, { dropPath, ...(setup.recompute && { recompute }) }),
  )
  const rows = features.length === 1 ? features[0]! : tf.concat2d(features, 0)
  return projection.apply(setup.head, withoutPrefix('head.', params), rows)
}

export function prefixed<T>(prefix: string, record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [prefix + name, value]))
}

/** The entries whose name begins with `prefix`, without it. */
export function withoutPrefix<T>(prefix: string, record: Record<string, T>): Record<string, T> {
  const entries = Object.entries(record).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]))
}

/** Values of fresh parameters, which are disposed. */
function toHost(params: Params): Record<string, HostTensor> {
  const host: Record<string, HostTensor> = {}
  for (const [name, tensor] of Object.entries(params)) {
    host[name] = { dtype: 'float32', shape: [...tensor.shape], data: tensor.dataSync<'float32'>().slice() }
    tensor.dispose()
  }
  return host
}
