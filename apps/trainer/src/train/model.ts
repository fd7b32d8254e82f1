import type { Teacher } from '@dino/ema'
import { type PredictorConfig, type ProjectionConfig, predictor, projection } from '@dino/heads'
import './host-backend.js'
import type * as tf from '@tensorflow/tfjs-core'
import type { BackboneConfig, Crops, Params } from './backbone.js'
import * as backbones from './backbone.js'
import type { HostTensor } from './host-tensor.js'
import type { Objective } from './objective.js'

/** What a run trains: a backbone with a projection head, and the constants of its step. */
export interface Setup {
  backbone: BackboneConfig
  head: ProjectionConfig
  /** The student's alone, behind its head. */
  predictor?: PredictorConfig
  loss: Objective
  teacher: Teacher
  optim: {
    name: 'adamw' | 'sgd' | 'lars'
    /** Largest norm of each parameter's gradient; 0 turns clipping off. */
    clipGrad: number
    /** Keeps `weight_g` of the last layer at 1. */
    normLastLayer: boolean
  }
  /**
   * What is computed again for the student's gradients instead of being kept: what is inside of its blocks, or LayerNorm and GELU alone.
   * Default: nothing.
   */
  recompute?: 'blocks' | 'cheap'
}

/** Shapes of all parameters of a teacher, by their name in the official checkpoints; a student may have more. */
export function modelShapes({ backbone, head }: Pick<Setup, 'backbone' | 'head'>): Record<string, number[]> {
  return {
    ...prefixed('backbone.', backbones.parameterShapes(backbone)),
    ...prefixed('head.', projection.shapes(head)),
  }
}

/** Shapes of all parameters of a student: those of the teacher, and its predictor. */
export function studentShapes(setup: Pick<Setup, 'backbone' | 'head' | 'predictor'>): Record<string, number[]> {
  const own = setup.predictor ? prefixed('predictor.', predictor.shapes(setup.predictor)) : {}
  return { ...modelShapes(setup), ...own }
}

/** Shapes of the running statistics of a student (or teacher): each network has its own, and they are not averaged. */
export function statisticShapes({ backbone }: Pick<Setup, 'backbone'>): Record<string, number[]> {
  return prefixed('backbone.', backbones.statisticShapes(backbone))
}

/** A fresh student, as host tensors; the same seed gives the same weights on any engine. */
export function initStudent(
  setup: Pick<Setup, 'backbone' | 'head' | 'predictor'>,
  seed: number,
): Record<string, HostTensor> {
  return {
    ...toHost(prefixed('backbone.', backbones.init(setup.backbone, seed))),
    ...toHost(prefixed('head.', projection.init(setup.head, seed))),
    ...(setup.predictor && toHost(prefixed('predictor.', predictor.init(setup.predictor, seed)))),
  }
}

/**
 * Logits of several groups of images, each group of one size: one backbone pass a group, one head pass on all rows
 * (Caron et al. 2021, `MultiCropWrapper`).
 *
 * @param predict of the student, where there is a predictor
 * @returns logits [rows of all groups, K], in the order of the groups, and the running statistics after them
 */
export function forward(
  setup: Pick<Setup, 'backbone' | 'head' | 'recompute'>,
  params: Params,
  groups: readonly Crops[],
  predict?: PredictorConfig,
): { logits: tf.Tensor2D; statistics: Params } {
  const { features, statistics } = backbones.trainingFeatures(
    setup.backbone,
    withoutPrefix('backbone.', params),
    groups,
    setup,
  )
  return {
    logits: projection.apply(setup.head, withoutPrefix('head.', params), features, {
      ...(predict && { predict: (h) => predictor.apply(predict, withoutPrefix('predictor.', params), h) }),
    }),
    statistics: prefixed('backbone.', statistics),
  }
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
export function toHost(params: Params): Record<string, HostTensor> {
  const host: Record<string, HostTensor> = {}
  for (const [name, tensor] of Object.entries(params)) {
    host[name] = { dtype: 'float32', shape: [...tensor.shape], data: tensor.dataSync<'float32'>().slice() }
    tensor.dispose()
  }
  return host
}
