import * as tf from '@tensorflow/tfjs-core'
import { decays } from './decays.js'

/** State-dict name -> tensor. */
export type Params = Record<string, tf.Tensor>

export interface UpdateOptions {
  /** Learning rate of this step, 0 or more. */
  lr: number | tf.Scalar
  /** Weight decay of this step, 0 or more; only for parameters that decay (`decays`). */
  weightDecay: number | tf.Scalar
  /** Factors of the learning rate by parameter, 0 or more, such as `layerDecay` gives. Default 1 each. */
  lrScale?: Readonly<Record<string, number>>
}

/** A pure optimizer: state goes in and comes out. */
export interface Optimizer<Options extends UpdateOptions = UpdateOptions> {
  /**
   * The state before the first step: zeros, named `SLOT.NAME`.
   *
   * @param params the parameters that will be trained
   */
  init(params: Params): Params

  /** Names and shapes of the state, for parameters of these shapes: what `init` makes, without making it. */
  shapes(params: Record<string, readonly number[]>): Record<string, number[]>

  /**
   * One step. A parameter whose name `grads` lacks keeps its value, its moments and its step count, as where PyTorch
   * has a gradient of None; a gradient of zeros would not do the same.
   *
   * Every tensor that comes back is new, those kept too: dispose the old ones. Reads no value, so it can be traced.
   *
   * @param grads the gradients of what is updated now, each shaped as its parameter
   * @throws Error for a gradient without a parameter or state, or of another shape
   */
  update(params: Params, grads: Params, state: Params, options: Options): { params: Params; state: Params }
}

/** How one tensor moves. `decay` is undefined for a parameter that does not decay. */
export interface Step<Slot extends string> {
  param: tf.Tensor
  grad: tf.Tensor
  slots: Record<Slot, tf.Tensor>
  lr: tf.Scalar
  decay: tf.Scalar | undefined
}

/**
 * An optimizer from its rule for one tensor.
 *
 * @param slots what it remembers of each parameter: a tensor shaped as the parameter, or a scalar
 * @param prepare checks the options once, and gives the rule
 */
export function optimizer<Slot extends string, Options extends UpdateOptions>(
  where: string,
  slots: Record<Slot, 'shaped' | 'scalar'>,
  prepare: (options: Options) => (step: Step<Slot>) => { param: tf.Tensor; slots: Record<Slot, tf.Tensor> },
): Optimizer<Options> {
  const slotNames = Object.keys(slots) as Slot[]
  const slotShape = (slot: Slot, shape: readonly number[]) => (slots[slot] === 'scalar' ? [] : [...shape])

  function shapes(params: Record<string, readonly number[]>): Record<string, number[]> {
    return Object.fromEntries(
      Object.entries(params).flatMap(([name, shape]) =>
        slotNames.map((slot) => [`${slot}.${name}`, slotShape(slot, shape)]),
      ),
    )
  }

  function init(params: Params): Params {
    const shapesOfParams = Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.shape]))
    return Object.fromEntries(Object.entries(shapes(shapesOfParams)).map(([name, shape]) => [name, tf.zeros(shape)]))
  }

  function slotsOf(name: string, param: tf.Tensor, state: Params): Record<Slot, tf.Tensor> {
    const found = slotNames.map((slot) => {
      const tensor = state[`${slot}.${name}`]
      const expected = slotShape(slot, param.shape)
      if (!tensor) {
        throw new Error(`${where}: expected ${slot}.${name} in the state, got none. Was init() given this parameter?`)
      }
      checkShape(where, `${slot}.${name}`, expected, tensor, 'Was the state saved with another model?')
      return [slot, tensor]
    })
    return Object.fromEntries(found)
  }

  function update(params: Params, grads: Params, state: Params, options: Options) {
    const rule = prepare(options)
    return tf.tidy('optimizer', () => {
      const lr = scalar(where, 'lr', options.lr)
      const weightDecay = scalar(where, 'weightDecay', options.weightDecay)
      const { lrScale = {} } = options
      const rateOf = (name: string) => {
        const factor = Object.hasOwn(lrScale, name) ? nonNegative(where, `lrScale of ${name}`, lrScale[name]!) : 1
        return factor === 1 ? lr : (tf.mul(lr, factor) as tf.Scalar)
      }
      const strangers = Object.keys(lrScale).filter((name) => !params[name])
      if (strangers.length > 0)
        throw new Error(`${where}: expected parameters for lrScale, got none for ${strangers.slice(0, 3).join(', ')}.`)
      const next = { params: { ...params }, state: { ...state } }
      for (const [name, grad] of Object.entries(grads)) {
        const param = params[name]
        if (!param) throw new Error(`${where}: expected a parameter for the gradient ${name}, got none.`)
        checkShape(where, `the gradient ${name}`, param.shape, grad, 'Was it clipped or reshaped under another name?')
        const decay = decays(name, param.shape) ? weightDecay : undefined
        const moved = rule({ param, grad, slots: slotsOf(name, param, state), lr: rateOf(name), decay })
        next.params[name] = moved.param
        for (const slot of slotNames) next.state[`${slot}.${name}`] = moved.slots[slot]
      }
      return { params: fresh(next.params, params), state: fresh(next.state, state) }
    })
  }

  return { init, shapes, update }
}

/** Tensors that are still those of before, as tensors of their own: no name shares one with the past. */
function fresh(next: Params, before: Params): Params {
  return Object.fromEntries(Object.entries(next).map(([name, t]) => [name, t === before[name] ? tf.clone(t) : t]))
}

function checkShape(where: string, what: string, expected: readonly number[], tensor: tf.Tensor, hint: string): void {
  const shape = tensor?.shape
  if (shape?.length !== expected.length || !expected.every((size, i) => size === shape[i])) {
    const got = shape ? `[${shape}]` : `${tensor}`
    throw new RangeError(`${where}: expected ${what} of shape [${expected}], got ${got}. ${hint}`)
  }
}

function scalar(where: string, name: string, value: number | tf.Scalar): tf.Scalar {
  if (typeof value === 'number') return tf.scalar(nonNegative(where, name, value))
  if (value?.shape?.length !== 0) {
    throw new RangeError(
      `${where}: expected ${name} to be a number or a scalar, got ${value?.shape ? `shape [${value.shape}]` : value}.`,
    )
  }
  return value
}

/** A finite number of 0 or more, and below `limit` when there is one. */
export function nonNegative(where: string, name: string, value: number, limit = Number.POSITIVE_INFINITY): number {
  if (!(value >= 0 && value < limit)) {
    const range = limit === Number.POSITIVE_INFINITY ? 'of 0 or more' : `from 0 to below ${limit}`
    throw new RangeError(`${where}: expected ${name} ${range}, got ${value}.`)
  }
  return value
}
