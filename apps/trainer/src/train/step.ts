import * as ema from '@dino/ema'
import { projection } from '@dino/heads'
import { projection as headDefaults } from '@dino/heads/defaults'
import { diagnostics as measure, selfDistillation, updateCenter } from '@dino/loss'
import { adamw, clipPerTensor, lars, sgd } from '@dino/optim'
import type { Params } from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from './host-tensor.js'
import { forward, modelShapes, prefixed, type Setup } from './model.js'

const optimizers = { adamw, sgd, lars }

export interface StepInputs {
  /** Both global views, view by view: [2B, height, width, C], normalised. */
  global: tf.Tensor4D
  /** The local views, view by view: [L·B, height, width, C], normalised. */
  local?: tf.Tensor4D
  lr: tf.Scalar
  weightDecay: tf.Scalar
  /** Momentum of the teacher at this iteration. */
  momentum: tf.Scalar
  /** Temperature of the teacher this epoch. */
  teacherTemp: tf.Scalar
  /** Factors of the student's residual branches: [2·depth, 2B] and [2·depth, L·B]; none without drop path. */
  dropPathGlobal?: tf.Tensor2D
  dropPathLocal?: tf.Tensor2D
}

export interface StepResult {
  outputs: Record<string, tf.Tensor>
  /** The variables that this step changes. */
  state: Params
  /** Outputs without which nothing may be kept: the state before the step is then the last good one. */
  finite: string[]
}

/**
 * One training step in the reference's order (`train_one_epoch` in main_dino.py): loss with the old center, gradients,
 * clipping of each tensor, the optimizer, then the teacher's average with the student as just updated.
 *
 * With `freezeLastLayer` the last layer gets no gradient at all, so that its moments and step count stay untouched.
 *
 * @param state variables named student.*, teacher.*, optimizer.*, center (see {@link initialState})
 */
export function dinoStep(
  setup: Setup,
  inputs: StepInputs,
  state: Params,
  { freezeLastLayer, diagnostics = true }: { freezeLastLayer: boolean; diagnostics?: boolean },
): StepResult {
  const names = Object.keys(modelShapes(setup))
  const student = pick(state, 'student.', names)
  const teacher = pick(state, 'teacher.', names)
  const center = state.center as tf.Tensor2D // [1, K]
  const temperatures = { studentTemp: setup.loss.studentTemp, teacherTemp: inputs.teacherTemp }

  const teacherLogits = forward(setup, teacher, [{ images: inputs.global }]) // [2B, K]

  const crops = [{ images: inputs.global, dropPath: inputs.dropPathGlobal }]
  if (inputs.local) crops.push({ images: inputs.local, dropPath: inputs.dropPathLocal })
  const trained = names.filter((name) => isTrained(setup, name) && !(freezeLastLayer && name.includes('last_layer')))
  let studentLogits!: tf.Tensor2D // [(2 + L)B, K]
  const { value: loss, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const params = { ...student, ...Object.fromEntries(trained.map((name, i) => [name, tensors[i]!])) }
    studentLogits = tf.keep(forward(setup, params, crops))
    return selfDistillation(studentLogits, teacherLogits, center, temperatures)
  })(trained.map((name) => student[name]!))

  const gradients = Object.fromEntries(trained.map((name, i) => [name, grads[i]!]))
  const gradNorm = tf.sqrt(tf.addN(grads.map((gradient) => tf.sum(tf.square(gradient)))))
  const optimizer = optimizers[setup.optim.name]
  const updated = optimizer.update(
    only(student, trained),
    clipPerTensor(gradients, setup.optim.clipGrad),
    optimizerState(setup, state, trained),
    { lr: inputs.lr, weightDecay: inputs.weightDecay },
  )
  const newStudent = { ...student, ...updated.params }
  const newTeacher = ema.update(teacher, newStudent, inputs.momentum)
  const newCenter = updateCenter(center, teacherLogits, { momentum: setup.loss.centerMomentum })

  const measured = diagnostics ? measure(studentLogits, teacherLogits, center, temperatures) : {}
  studentLogits.dispose()
  return {
    outputs: { loss, gradNorm, ...measured },
    state: {
      ...prefixed('student.', updated.params),
      ...prefixed('teacher.', newTeacher),
      ...prefixed('optimizer.', updated.state),
      center: newCenter,
    },
    finite: ['loss', 'gradNorm'],
  }
}

/** All variables of a run before its first step: the teacher a copy of the student, moments and center zero. */
export function initialState(setup: Setup, student: Record<string, HostTensor>): Record<string, HostTensor> {
  const shapes = modelShapes(setup)
  const missing = Object.keys(shapes).filter((name) => !student[name])
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

function zeros(shape: number[]): HostTensor {
  return { dtype: 'float32', shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }
}
