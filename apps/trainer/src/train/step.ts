import * as ema from '@dino/ema'
import { projection } from '@dino/heads'
import { projection as headDefaults } from '@dino/heads/defaults'
import { type DiagnosticMeans, diagnosticMeans, fromMeans, selfDistillation, updateCenter } from '@dino/loss'
import { adamw, clipPerTensor, lars, sgd } from '@dino/optim'
import * as tf from '@tensorflow/tfjs-core'
import type { Params } from './backbone.js'
import type { HostTensor } from './host-tensor.js'
import { forward, modelShapes, prefixed, type Setup, statisticShapes, withoutPrefix } from './model.js'

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
  const step = takeStep(setup, inputs, state, reduce(sums))
  return { ...step, state: { ...step.state, ...statistics } }
}

/** Where the sums of several machines will meet: gradients, center, loss and diagnostics, by name. One machine has them already. */
export function reduce(sums: Params): Params {
  return sums
}

/**
 * What the images of a step, or of a part of it, contribute to it, each multiplied by its share: `gradient.*`, `center` (the mean of
 * the teacher's rows), `loss`, and the parts of diagnostics. Beside these sums, the running statistics that the images leave, of
 * student.* and teacher.*: both train on their batch's own (reference: the teacher stays in train mode).
 *
 * @param state student.*, teacher.* and center, as they were before the step
 */
export function stepSums(
  setup: Setup,
  inputs: CropInputs,
  state: Params,
  { freezeLastLayer, diagnostics = true, share = 1 }: StepOptions,
): { sums: Params; statistics: Params } {
  const names = Object.keys({ ...modelShapes(setup), ...statisticShapes(setup) })
  const student = pick(state, 'student.', names)
  const teacher = pick(state, 'teacher.', names)
  const center = state.center as tf.Tensor2D // [1, K]
  const temperatures = { studentTemp: setup.loss.studentTemp, teacherTemp: inputs.teacherTemp }

  const taught = tf.tidy('teacher', () => forward(setup, teacher, [{ images: inputs.global }]))
  const teacherLogits = taught.logits // [2B, K]

  const crops = [{ images: inputs.global, dropPath: inputs.dropPathGlobal }]
  if (inputs.local) crops.push({ images: inputs.local, dropPath: inputs.dropPathLocal })
  const trained = trainedNames(setup, freezeLastLayer)
  let kept!: ReturnType<typeof forward>
  const { value: loss, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const params = { ...student, ...Object.fromEntries(trained.map((name, i) => [name, tensors[i]!])) }
    kept = tf.tidy('student', () => forward(setup, params, crops))
    for (const tensor of [kept.logits, ...Object.values(kept.statistics)]) tf.keep(tensor)
    return scaled(selfDistillation(kept.logits, teacherLogits, center, temperatures), share)
  })(trained.map((name) => student[name]!))
  const statistics = Object.fromEntries(Object.entries(kept.statistics).map(([name, x]) => [name, tf.clone(x)]))
  const studentLogits = tf.clone(kept.logits) // [(2 + L)B, K]
  tf.dispose([kept.logits, kept.statistics] as tf.TensorContainer) // what is not kept goes with the caller's tidy

  const measured = diagnostics ? diagnosticMeans(studentLogits, teacherLogits, center, temperatures) : {}
  const means = { center: tf.mean(teacherLogits, 0, true), ...measured }
  return {
    sums: {
      ...Object.fromEntries(trained.map((name, i) => [`gradient.${name}`, grads[i]!])),
      loss,
      ...Object.fromEntries(Object.entries(means).map(([name, mean]) => [name, scaled(mean, share)])),
    },
    statistics: { ...prefixed('student.', statistics), ...prefixed('teacher.', taught.statistics) },
  }
}

/** The rest of a step, once its sums are complete: clipping, the optimizer, the teacher, the center. */
export function takeStep(setup: Setup, inputs: ScheduleInputs, state: Params, sums: Params): StepResult {
  const names = Object.keys(modelShapes(setup))
  const gradients = withoutPrefix('gradient.', sums)
  const trained = Object.keys(gradients)
  const student = pick(state, 'student.', names)
  const teacher = pick(state, 'teacher.', names)

  const gradNorm = tf.sqrt(tf.addN(Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)))))
  const updated = optimizers[setup.optim.name].update(
    only(student, trained),
    clipPerTensor(gradients, setup.optim.clipGrad),
    optimizerState(setup, state, trained),
    { lr: inputs.lr, weightDecay: inputs.weightDecay },
  )
  const newTeacher = ema.update(teacher, { ...student, ...updated.params }, inputs.momentum)
  const center = updateCenter(state.center as tf.Tensor2D, sums.center as tf.Tensor2D, {
    momentum: setup.loss.centerMomentum,
  })
  return {
    outputs: {
      loss: sums.loss!,
      gradNorm,
      ...(sums.votes && { ...fromMeans(sums as unknown as DiagnosticMeans) }),
    },
    state: {
      ...prefixed('student.', updated.params),
      ...prefixed('teacher.', newTeacher),
      ...prefixed('optimizer.', updated.state),
      center,
    },
    finite: ['loss', 'gradNorm'],
  }
}

/** Shapes of what {@link stepSums} gives, with diagnostics. */
export function sumShapes(setup: Setup, { freezeLastLayer }: Pick<StepOptions, 'freezeLastLayer'>) {
  const all = modelShapes(setup)
  const K = setup.head.outDim ?? headDefaults.outDim
  const gradients = Object.fromEntries(
    trainedNames(setup, freezeLastLayer).map((name) => [`gradient.${name}`, all[name]!]),
  )
  const scalars = { loss: [], teacherEntropy: [], studentEntropy: [], kl: [] }
  return { ...gradients, center: [1, K], ...scalars, share: [K], votes: [K] } as Record<string, number[]>
}

function trainedNames(setup: Setup, freezeLastLayer: boolean): string[] {
  const names = Object.keys(modelShapes(setup))
  return names.filter((name) => isTrained(setup, name) && !(freezeLastLayer && name.includes('last_layer')))
}

function scaled<T extends tf.Tensor>(x: T, factor: number): T {
  return factor === 1 ? x : tf.mul(x, factor)
}

/** All variables of a run before its first step: the teacher a copy of the student, moments and center zero. */
export function initialState(setup: Setup, student: Record<string, HostTensor>): Record<string, HostTensor> {
  const shapes = modelShapes(setup)
  const missing = Object.keys({ ...shapes, ...statisticShapes(setup) }).filter((name) => !student[name])
  if (missing.length > 0) throw new Error(`initialState: the student lacks ${missing.slice(0, 3).join(', ')}.`)
  const trained = Object.fromEntries(Object.entries(shapes).filter(([name]) => isTrained(setup, name)))
  const slots = Object.entries(optimizers[setup.optim.name].shapes(trained))
  return {
    ...prefixed('student.', student),
    ...prefixed('teacher.', student), // a session copies what it is given
    ...Object.fromEntries(slots.map(([name, shape]) => [`optimizer.${name}`, zeros(shape)])),
    center: zeros([1, setup.head.outDim ?? headDefaults.outDim]),
  }
}

/** Whether the optimizer ever updates this parameter; with `normLastLayer`, `weight_g` stays at 1. */
export function isTrained(setup: Pick<Setup, 'optim'>, name: string): boolean {
  if (!name.startsWith('head.')) return true
  return !projection.frozen(setup.optim.normLastLayer)(name.slice('head.'.length))
}

/** The optimizer's variables of some parameters, by the names that they have in it. */
function optimizerState(setup: Setup, state: Params, names: string[]): Params {
  const all = modelShapes(setup)
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
