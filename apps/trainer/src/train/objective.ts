import {
  assignViews,
  crossEntropy,
  type DiagnosticMeans,
  diagnosticMeans,
  fromMeans,
  infoNce,
  initQueue,
  meanSquaredError,
  outputSpread,
  selfDistillation,
  sinkhornKnopp,
  softmaxOverBatch,
  targetDiagnosticMeans,
  updateCenter,
  updateQueue,
} from '@dino/loss'
import { infoNce as infoNceDefaults, sinkhorn } from '@dino/loss/defaults'
import * as tf from '@tensorflow/tfjs-core'
import type { Params } from './backbone.js'
import './host-backend.js'
import type { HostTensor } from './host-tensor.js'

/** How the student learns from the teacher: which loss, and what keeps the outputs from collapsing. */
export interface Objective {
  /** Of distributions over prototypes (DINO, SwAV), of directions (BYOL), or of the own key among others (MoCo). */
  loss: 'cross-entropy' | 'mse' | 'infonce'
  /**
   * What is done to the teacher's outputs: the moving center is taken off them; Sinkhorn-Knopp, of the batch or of each view by itself
   * (SwAV); a softmax over the batch; nothing.
   */
  centering: 'center' | 'sinkhorn' | 'sinkhorn-views' | 'softmax-batch' | 'none'
  studentTemp: number
  centerMomentum: number
  infonceTemp: number
  /** Keys of the queue, of `infonce`. */
  queueSize: number
  /** Each global view is compared with all others; else the teacher's second alone (MoCo's query and key). */
  symmetric: boolean
}

/** DINO's own (Caron et al. 2021, algorithm 1). */
export const dinoObjective: Objective = {
  loss: 'cross-entropy',
  centering: 'center',
  studentTemp: 0.1,
  centerMomentum: 0.9,
  infonceTemp: infoNceDefaults.temperature,
  queueSize: infoNceDefaults.queueSize,
  symmetric: true,
}

/** The variables of a run that the objective keeps, before the first step. */
export function objectiveState(objective: Objective, width: number, seed: number): Record<string, HostTensor> {
  const center: HostTensor = { dtype: 'float32', shape: [1, width], data: new Float32Array(width) }
  if (objective.loss !== 'infonce') return { center }
  const queue = initQueue(objective.queueSize, width, seed)
  const data = queue.dataSync<'float32'>().slice()
  queue.dispose()
  return { center, queue: { dtype: 'float32', shape: [objective.queueSize, width], data } }
}

interface Outputs {
  /** [V · B, width], view by view. */
  student: tf.Tensor2D
  /** [2 · B, width] */
  teacher: tf.Tensor2D
  /** center and queue, as they were before the step. */
  state: Params
  teacherTemp: tf.Scalar
}

/** The loss of a batch; no gradient reaches the teacher or the state. */
export function cost(objective: Objective, { student, teacher, state, teacherTemp }: Outputs): tf.Scalar {
  const { loss, studentTemp, symmetric } = objective
  const center = state.center as tf.Tensor2D
  if (loss === 'infonce') {
    const temperature = objective.infonceTemp
    return infoNce(student, teacher, state.queue as tf.Tensor2D, { temperature, symmetric })
  }
  if (loss === 'mse') {
    const centred = objective.centering === 'center' ? tf.sub<tf.Tensor2D>(teacher, center) : teacher
    return meanSquaredError(student, centred, { symmetric })
  }
  const targets = targetsOf(objective, teacher, teacherTemp)
  if (targets) return crossEntropy(student, targets, { studentTemp })
  return selfDistillation(student, teacher, center, { studentTemp, teacherTemp })
}

/** Targets that are made from the whole batch; undefined where centering makes them, row by row. */
function targetsOf({ centering }: Objective, teacher: tf.Tensor2D, teacherTemp: tf.Scalar): tf.Tensor2D | undefined {
  const { iterations } = sinkhorn
  if (centering === 'sinkhorn') return sinkhornKnopp(teacher, { teacherTemp, iterations })
  if (centering === 'sinkhorn-views') return assignViews(teacher, { teacherTemp, iterations })
  if (centering === 'softmax-batch') return softmaxOverBatch(teacher, { teacherTemp })
  return undefined
}

/** What tells a collapse, as means that parts of a batch add up to. */
export function measures(objective: Objective, { student, teacher, state, teacherTemp }: Outputs): Params {
  const { loss, studentTemp } = objective
  if (loss !== 'cross-entropy') return { outputSpread: outputSpread(teacher) }
  const targets = targetsOf(objective, teacher, teacherTemp)
  if (targets) return { ...targetDiagnosticMeans(student, targets, { studentTemp }) }
  return { ...diagnosticMeans(student, teacher, state.center as tf.Tensor2D, { studentTemp, teacherTemp }) }
}

/** Scalars of a whole batch from its {@link measures}. */
export function reported(sums: Params): Params {
  if (sums.votes) return { ...fromMeans(sums as unknown as DiagnosticMeans) }
  return sums.outputSpread ? { outputSpread: sums.outputSpread } : {}
}

/** Shapes of {@link measures}. */
export function measureShapes({ loss }: Objective, width: number): Record<string, number[]> {
  if (loss !== 'cross-entropy') return { outputSpread: [] }
  return { teacherEntropy: [], studentEntropy: [], kl: [], share: [width], votes: [width] }
}

/** center and queue after the step. @param sums `center`, the mean of the teacher's rows, and with `infonce` the rows, `keys` */
export function nextState(objective: Objective, state: Params, sums: Params): Params {
  const { loss, centering, centerMomentum, symmetric } = objective
  const center = state.center as tf.Tensor2D
  return {
    ...(centering === 'center' && {
      center: updateCenter(center, sums.center as tf.Tensor2D, { momentum: centerMomentum }),
    }),
    ...(loss === 'infonce' && {
      queue: updateQueue(state.queue as tf.Tensor2D, sums.keys as tf.Tensor2D, { symmetric }),
    }),
  }
}
