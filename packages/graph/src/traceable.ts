import * as tf from '@tensorflow/tfjs-core'
import { type Dtype, typeText } from './host-tensor.js'
import { tfjsDtype } from './tfjs-dtype.js'

/** Shape and dtype of an input, variable or output. `dtype` is float32 unless said otherwise. */
export interface TensorSpec {
  shape: readonly number[]
  dtype?: Dtype
}

/** An input of a compiled function. */
export interface InputSpec extends TensorSpec {
  /**
   * The first dimension is the most that a call may bring, and 1 the least: fn is traced with the most. What fn does has to follow from
   * the tensors themselves, not from a number that it read off the shape, unless as the first dimension of a reshape or all of a slice.
   * Default false.
   */
  upTo?: boolean
}

/**
 * A function to compile: plain TensorFlow.js code. `state` holds the session's variables; reading a name reads the variable as it
 * was before the call. Integers of other widths (uint8 images) arrive as int32.
 */
export type TraceableFunction = (
  inputs: Record<string, tf.Tensor>,
  state: Record<string, tf.Tensor>,
) => {
  /** What the call gives. */
  outputs: Record<string, tf.Tensor>
  /** Variables to assign once everything has been read. */
  state?: Record<string, tf.Tensor>
  /** Names of outputs that have to be finite: if one is not, nothing is assigned and the call throws a NotFiniteError. */
  finite?: readonly string[]
}

/** `state` as fn sees it: a variable becomes a node when it is first read. */
export function lazyRecord(
  name: string,
  specs: Record<string, TensorSpec>,
  known: Map<string, tf.Tensor>,
  read: (variable: string) => tf.Tensor,
): Record<string, tf.Tensor> {
  const has = (key: string | symbol): key is string => typeof key === 'string' && Object.hasOwn(specs, key)
  const get = (variable: string) => {
    let tensor = known.get(variable)
    if (!tensor) known.set(variable, (tensor = read(variable)))
    return tensor
  }
  return new Proxy<Record<string, tf.Tensor>>(
    {},
    {
      get: (_, key) => (has(key) ? get(key) : undefined),
      has: (_, key) => has(key),
      ownKeys: () => Object.keys(specs),
      getOwnPropertyDescriptor: (_, key) =>
        has(key) ? { value: get(key), enumerable: true, configurable: true, writable: false } : undefined,
      set: (_, key) => {
        throw new TypeError(
          `${name}: state.${String(key)} cannot be set. Return { outputs, state: { … } } to assign a variable.`,
        )
      },
    },
  )
}

/** Calls fn, checks what it returns, and names the function in whatever it throws. */
export function callTraceable(name: string, fn: TraceableFunction, ...args: Parameters<TraceableFunction>) {
  let result: ReturnType<TraceableFunction>
  try {
    result = fn(...args)
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(`${name}: `)) error.message = `${name}: ${error.message}`
    throw error
  }
  if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
    throw new TypeError(
      `${name}: expected a plain function, got one that returns a promise. It runs in one go: await outside compile().`,
    )
  }
  if (typeof result !== 'object' || result === null || typeof result.outputs !== 'object' || result.outputs === null) {
    const got = result === null ? 'null' : typeof result
    throw new TypeError(`${name}: expected fn to return { outputs, state?, finite? }, got ${got}.`)
  }
  for (const output of result.finite ?? []) {
    if (result.outputs[output]?.dtype === 'float32') continue
    throw new TypeError(`${name}: expected finite to name float32 outputs, got ${output}.`)
  }
  return result
}

export function checkTensor(name: string, what: string, tensor: unknown): tf.Tensor {
  if (!(tensor instanceof tf.Tensor)) {
    throw new TypeError(
      `${name}: expected ${what} to be a tensor, got ${tensor === null ? 'null' : typeof tensor}. Use tf.scalar for a number.`,
    )
  }
  if (tensor.isDisposed)
    throw new Error(`${name}: ${what} is disposed. Return it from the tf.tidy that made it, or tf.keep it.`)
  return tensor
}

/** Refuses to assign an unknown variable, or a value of another shape or dtype. */
export function checkUpdate(name: string, variable: string, value: tf.Tensor, specs: Record<string, TensorSpec>): void {
  const spec = Object.hasOwn(specs, variable) ? specs[variable] : undefined
  if (!spec)
    throw new Error(
      `${name}: cannot assign state ${variable}: the session has no such variable. session.create it first.`,
    )
  const { shape, dtype = 'float32' } = spec
  const expected = typeText({ dtype: tfjsDtype(dtype), shape })
  if (typeText(value) !== expected) {
    throw new RangeError(`${name}: state ${variable} is ${expected}, and fn assigns ${typeText(value)} to it.`)
  }
}
