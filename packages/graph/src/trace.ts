import * as tf from '@tensorflow/tfjs-core'
import { saveBackend } from './active-backend.js'
import { type CapturedVariables, captureVariables } from './captured.js'
import { interceptKernels } from './intercept.js'
import type { Program, Ref } from './ir.js'
import { TRACE_BACKEND } from './kernels.js'
import type { TensorFlow } from './tensorflow.js'
import { type TraceBackend, traceBackend } from './trace-backend.js'
import {
  callTraceable,
  checkTensor,
  checkUpdate,
  type InputSpec,
  lazyRecord,
  type TensorSpec,
  type TraceableFunction,
} from './traceable.js'
import { scopeText, Tracer, traceScopes } from './tracer.js'

export interface Traced {
  program: Program
  /** The tf.Variables in it, which are variables of the session from now on. */
  variables: CapturedVariables
}

/** Records fn as a program. The user's backend, tensors and variables are as they were when this returns or throws. */
export function trace(
  fn: TraceableFunction,
  {
    name,
    inputs,
    state,
    lib,
  }: { name: string; inputs: Record<string, InputSpec>; state: Record<string, TensorSpec>; lib: TensorFlow },
): Traced {
  const tracer = new Tracer(name, lib)
  try {
    const variables = new Map<string, tf.Tensor>()
    return withTraceBackend(
      tracer,
      (backend, captured) => {
        const toTensor = (ref: Ref) => backend.createOutputTensor(tracer.metadata(tracer.seenByTfjs(ref))) as tf.Tensor
        const args = Object.fromEntries(
          Object.entries(inputs).map(([input, { shape, dtype = 'float32', upTo }]) => [
            input,
            toTensor(tracer.source('Placeholder', input, { shape, dtype, upTo })),
          ]),
        )
        const read = (variable: string) => {
          const { shape, dtype = 'float32' } = state[variable]!
          // Kept: a variable may be read first inside a tidy of the user's, and is then used outside.
          return tf.keep(toTensor(tracer.source('ReadVariableOp', variable, { shape, dtype })))
        }
        const result = callTraceable(name, fn, args, lazyRecord(name, state, variables, read))
        if (tracer.failure) throw tracer.failure
        const ref = (tensor: tf.Tensor) => tracer.ref(backend.getInputTensorIds([tensor])[0]!)
        const outputs = mapTensors(result.outputs, (tensor, output) => {
          if (checkTensor(name, `output ${output}`, tensor).dtype !== 'complex64') return ref(tensor)
          throw new TypeError(
            `${name}: output ${output} is complex64, which has no typed array. Return tf.real and tf.imag.`,
          )
        })
        const updates = mapTensors(result.state ?? {}, (tensor, variable) => {
          checkUpdate(name, variable, checkTensor(name, `state ${variable}`, tensor), state)
          return tracer.cast(ref(tensor), state[variable]!.dtype ?? 'float32')
        })
        const touched = captured()
        return {
          program: {
            name,
            outputs,
            updates: { ...updates, ...touched.updates },
            nodes: tracer.builder.nodes,
            ...(result.finite?.length && { finite: [...result.finite] }),
          },
          variables: touched,
        }
      },
      variables,
    )
  } finally {
    tracer.dispose()
  }
}

function mapTensors<T>(
  tensors: Record<string, tf.Tensor>,
  f: (tensor: tf.Tensor, name: string) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, f(tensor, name)]))
}

/** Runs f with the tracing backend active, and leaves TensorFlow.js as it was. */
function withTraceBackend<T>(
  tracer: Tracer,
  f: (backend: TraceBackend, captured: () => CapturedVariables) => T,
  kept: Map<string, tf.Tensor>,
): T {
  const engine = tf.engine()
  if (tf.getBackend() === TRACE_BACKEND) {
    throw new Error(`${tracer.name}: compile() cannot be called inside a function that is being compiled.`)
  }
  const backend = traceBackend(tracer)
  const restore = saveBackend()
  const undo = guardTrace(tracer.name)
  const nodeBackend = engine.registry.tensorflow
  const debug = tf.env().getBool('DEBUG')
  let variables: ReturnType<typeof captureVariables> | undefined
  let result: { value: T } | undefined
  try {
    tf.registerBackend(TRACE_BACKEND, () => backend, -1)
    void tf.setBackend(TRACE_BACKEND) // takes effect at once: the factory is synchronous
    engine.registry.tensorflow = backend // where the kernels look up the constants of their binding
    if (debug) tf.env().set('DEBUG', false) // debug mode reads every result
    const { captured } = (variables = captureVariables(tracer, backend))
    tf.tidy(() => {
      result = { value: f(backend, captured) }
    })
    return result!.value
  } finally {
    variables?.restore(result === undefined)
    for (const tensor of kept.values()) tensor.dispose()
    undo()
    if (debug) tf.env().set('DEBUG', true)
    if (nodeBackend) engine.registry.tensorflow = nodeBackend
    else delete engine.registry.tensorflow
    restore()
    tf.removeBackend(TRACE_BACKEND)
  }
}

/** While a trace lasts, makes errors of what would silently go wrong. The function that it returns ends that. */
function guardTrace(name: string): () => void {
  const { random } = Math
  Math.random = () => {
    throw new Error(
      `${name}: random numbers drawn while compile() traces would be the same in every call${scopeText()}. ` +
        'Make them inputs, or give the op a seed if that is meant.',
    )
  }
  const stopScopes = traceScopes()
  const stop = interceptKernels((kernel, run) => {
    if (tf.getKernel(kernel, TRACE_BACKEND)) return run()
    throw new Error(`${name}: TensorFlow has no kernel for ${kernel}${scopeText()}. Write it with other ops.`)
  })
  return () => {
    Math.random = random
    stopScopes()
    stop()
  }
}
