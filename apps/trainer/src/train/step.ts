import * as ema from '@dino/ema'
import { together } from '@dino/graph'
import { projection } from '@dino/heads'
import { adamw, clipPerTensor, lars, sgd } from '@dino/optim'
import type { DropPathRows } from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import type { Crops, Params } from './backbone.js'
import type { HostTensor } from './host-tensor.js'
import { forward, modelShapes, prefixed, type Setup, statisticShapes, studentShapes, withoutPrefix } from './model.js'
import { cost, measureShapes, measures, nextState, objectiveState, reported } from './objective.js'

const optimizers = { adamw, sgd, lars }

/** What a step sees of its images. */
export interface CropInputs {
  /** Both global views, view by view: [2B, height, width, C], normalised. */
  global: tf.Tensor4D
  /** The local views, view by view: [L·B, height, width, C], normalised. */
  local?: tf.Tensor4D
  /** Temperature of the teacher this epoch. */
  teacherTemp: tf.Scalar
  /** Factors of the student's residual branches: [2·depth, 2B] and [2·depth, L·B]; none without drop path. */
  dropPathGlobal?: tf.Tensor2D
  dropPathLocal?: tf.Tensor2D
  /** The rows that each branch computes, where it leaves out those that are dropped. */
  dropPathRowsGlobal?: DropPathRows
  dropPathRowsLocal?: DropPathRows
}

export interface ScheduleInputs {
  lr: tf.Scalar
  weightDecay: tf.Scalar
  /** Momentum of the teacher at this iteration. */
  momentum: tf.Scalar
}

export interface StepInputs extends CropInputs, ScheduleInputs {}

export interface StepResult {
  outputs: Record<string, tf.Tensor>
  /** The variables that this step changes. */
  state: Params
  /** Outputs without which nothing may be kept: the state before the step is then the last good one. */
  finite: string[]
}

export interface StepOptions {
  /** The last layer gets no gradient at all, so that its moments and step count stay untouched. */
  freezeLastLayer: boolean
  diagnostics?: boolean
  /** What part of an optimizer step these images are: 1 / (parts). Means are multiplied by it, so that parts add up. Default 1. */
  share?: number
}

/**
 * One training step in the reference's order (`train_one_epoch` in main_dino.py): loss with the old center, gradients,
 * clipping of each tensor, the optimizer, then the teacher's average with the student as just updated.
 *
 * In between lies {@link reduce}: what the images of the step, wherever they are computed, add up to.
 *
 * @param state variables named student.*, teacher.*, optimizer.*, center (see {@link initialState})
 */
export function dinoStep(setup: Setup, inputs: StepInputs, state: Params, options: StepOptions): StepResult {
  const { sums, statistics } = stepSums(setup, inputs, state, options)
  const step = takeStep(setup, inputs, state, reduce(setup.recompute ? atOnce(sums) : sums))
  return { ...step, state: { ...step.state, ...statistics } }
}

/** Sums that are there once all are: the optimizer's results do not pile up beside a backward pass that was to take little memory. */
function atOnce(sums: Params): Params {
  const tensors = together(Object.values(sums))
  return Object.fromEntries(Object.keys(sums).map((name, i) => [name, tensors[i]!]))
}

/** Where the sums of several machines will meet: gradients, center, loss and diagnostics, by name. One machine has them already. */
export function reduce(sums: Params): Params {
  return sums
}

/**
 * What the images of a step, or of a part of it, contribute to it, each multiplied by its share: `gradient.*`, `center` (the mean of
 * the teacher's rows), `loss`, the parts of diagnostics; and `keys`, the teacher's rows themselves, where a queue keeps some of them.
 * Beside these sums, the running statistics that the images leave, of student.* and teacher.*: both train on their batch's own (reference:
 * the teacher stays in train mode).
 *
 * @param state student.*, teacher.*, center and queue, as they were before the step
 */
export function stepSums(
  setup: Setup,
  inputs: CropInputs,
  state: Params,
  { freezeLastLayer, diagnostics = true, share = 1 }: StepOptions,
): { sums: Params; statistics: Params } {
  const statisticNames = Object.keys(statisticShapes(setup))
  const student = pick(state, 'student.', [...Object.keys(studentShapes(setup)), ...statisticNames])
  const teacher = pick(state, 'teacher.', [...Object.keys(modelShapes(setup)), ...statisticNames])
  const { teacherTemp } = inputs

  const taught = tf.tidy('teacher', () => forward(setup, teacher, [{ images: inputs.global }]))
  const teacherLogits = taught.logits // [2B, K]
  const outputs = (student: tf.Tensor2D) => ({ student, teacher: teacherLogits, state, teacherTemp })

  const crops: Crops[] = [
    { images: inputs.global, dropPath: inputs.dropPathGlobal, dropPathRows: inputs.dropPathRowsGlobal },
  ]
  if (inputs.local)
    crops.push({ images: inputs.local, dropPath: inputs.dropPathLocal, dropPathRows: inputs.dropPathRowsLocal })
  const trained = trainedNames(setup, freezeLastLayer)
  let kept!: ReturnType<typeof forward>
  const { value: loss, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const params = { ...student, ...Object.fromEntries(trained.map((name, i) => [name, tensors[i]!])) }
    kept = tf.tidy('student', () => forward(setup, params, crops, setup.predictor))
    for (const tensor of [kept.logits, ...Object.values(kept.statistics)]) tf.keep(tensor)
    return scaled(cost(setup.loss, outputs(kept.logits)), share)
  })(trained.map((name) => student[name]!))
  const statistics = Object.fromEntries(Object.entries(kept.statistics).map(([name, x]) => [name, tf.clone(x)]))
  const studentLogits = tf.clone(kept.logits) // [(2 + L)B, K]
  tf.dispose([kept.logits, kept.statistics] as tf.TensorContainer) // what is not kept goes with the caller's tidy

  const measured = diagnostics ? measures(setup.loss, outputs(studentLogits)) : {}
  const means = { center: tf.mean(teacherLogits, 0, true), ...measured }
  return {
    sums: {
      ...Object.fromEntries(trained.map((name, i) => [`gradient.${name}`, grads[i]!])),
      loss,
      ...Object.fromEntries(Object.entries(means).map(([name, mean]) => [name, scaled(mean, share)])),
      ...(setup.loss.loss === 'infonce' && { keys: teacherLogits }),
    },
    statistics: { ...prefixed('student.', statistics), ...prefixed('teacher.', taught.statistics) },
  }
}

/** The rest of a step, once its sums are complete: clipping, the optimizer, the teacher, the center and queue. */
export function takeStep(setup: Setup, inputs: ScheduleInputs, state: Params, sums: Params): StepResult {
  const names = Object.keys(modelShapes(setup))
  const gradients = withoutPrefix('gradient.', sums)
  const trained = Object.keys(gradients)
  const student = pick(state, 'student.', Object.keys(studentShapes(setup)))
  const teacher = pick(state, 'teacher.', names)

  const gradNorm = tf.sqrt(tf.addN(Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)))))
  const updated = optimizers[setup.optim.name].update(
    only(student, trained),
    clipPerTensor(gradients, setup.optim.clipGrad),
    optimizerState(setup, state, trained),
    { lr: inputs.lr, weightDecay: inputs.weightDecay },
  )
  const followed = setup.teacher === 'previous-iteration' ? student : { ...student, ...updated.params }
  const newTeacher = ema.update(teacher, only(followed, names), inputs.momentum)
  return {
    outputs: {
      loss: sums.loss!,
      gradNorm,
      ...reported(sums),
    },
    state: {
      ...prefixed('student.', updated.params),
      ...prefixed('teacher.', newTeacher),
      ...prefixed('optimizer.', updated.state),
      ...nextState(setup.loss, state, sums),
    },
    finite: ['loss', 'gradNorm'],
  }
}

/** Shapes of what {@link stepSums} gives, with diagnostics. */
export function sumShapes(setup: Setup, { freezeLastLayer }: Pick<StepOptions, 'freezeLastLayer'>) {
  const all = studentShapes(setup)
  const width = projection.width(setup.head)
  const gradients = Object.fromEntries(
    trainedNames(setup, freezeLastLayer).map((name) => [`gradient.${name}`, all[name]!]),
  )
  const means = { loss: [], center: [1, width], ...measureShapes(setup.loss, width) }
  return { ...gradients, ...means } as Record<string, number[]>
}

function trainedNames(setup: Setup, freezeLastLayer: boolean): string[] {
  const names = Object.keys(studentShapes(setup))
  return names.filter((name) => isTrained(setup, name) && !(freezeLastLayer && name.includes('last_layer')))
}

function scaled<T extends tf.Tensor>(x: T, factor: number): T {
  return factor === 1 ? x : tf.mul(x, factor)
}

/**
 * All variables of a run before its first step: the teacher a copy of the student (without its predictor), moments and center zero.
 *
 * @param seed of the keys that a queue begins with
 */
export function initialState(setup: Setup, student: Record<string, HostTensor>, seed = 0): Record<string, HostTensor> {
  const shapes = studentShapes(setup)
  const missing = Object.keys({ ...shapes, ...statisticShapes(setup) }).filter((name) => !student[name])
  if (missing.length > 0) throw new Error(`initialState: the student lacks ${missing.slice(0, 3).join(', ')}.`)
  const trained = Object.fromEntries(Object.entries(shapes).filter(([name]) => isTrained(setup, name)))
  const slots = Object.entries(optimizers[setup.optim.name].shapes(trained))
  const own = Object.fromEntries(Object.entries(student).filter(([name]) => !name.startsWith('predictor.')))
  return {
    ...prefixed('student.', student),
    ...prefixed('teacher.', own), // a session copies what it is given
    ...Object.fromEntries(slots.map(([name, shape]) => [`optimizer.${name}`, zeros(shape)])),
    ...objectiveState(setup.loss, projection.width(setup.head), seed),
  }
}

/** Whether the optimizer ever updates this parameter; with `normLastLayer`, `weight_g` stays at 1. */
export function isTrained(setup: Pick<Setup, 'optim'>, name: string): boolean {
  if (!name.startsWith('head.')) return true
  return !projection.frozen(setup.optim.normLastLayer)(name.slice('head.'.length))
}

/** The optimizer's variables of some parameters, by the names that they have in it. */
function optimizerState(setup: Setup, state: Params, names: string[]): Params {
  const all = studentShapes(setup)
  const shapes = Object.fromEntries(names.map((name) => [name, all[name]!]))
  return pick(state, 'optimizer.', Object.keys(optimizers[setup.optim.name].shapes(shapes)))
}

function pick(state: Params, prefix: string, names: string[]): Params {
  return Object.fromEntries(names.map((name) => [name, state[prefix + name]!]))
}

function only(record: Params, names: string[]): Params {
  return Object.fromEntries(names.map((name) => [name, record[name]!]))
}

export function zeros(shape: number[]): HostTensor {
  return { dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }
}
