import * as tf from '@tensorflow/tfjs-core'
import type { CApi } from './capi.js'
import { type Dtype, type HostTensor, typeText } from './host-tensor.js'
import type { Program, Ref } from './ir.js'
import { loadKernels, type NodeBackend, TRACE_BACKEND } from './kernels.js'
import { tfjsDtype } from './tfjs-dtype.js'
import { constantOf, scopeText, Tracer } from './tracer.js'

/** Shape and dtype of an input, variable or output. `dtype` is float32 unless said otherwise. */
export interface TensorSpec {
  shape: readonly number[]
  dtype?: Dtype
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
}

/** Records fn as a program. The user's backend, tensors and variables are as they were when this returns or throws. */
export function trace(
  fn: TraceableFunction,
  {
    name,
    inputs,
    state,
    c,
  }: { name: string; inputs: Record<string, TensorSpec>; state: Record<string, TensorSpec>; c: CApi },
): Program {
  const tracer = new Tracer(name, c)
  try {
    const variables = new Map<string, tf.Tensor>()
    return withTraceBackend(
      tracer,
      (backend) => {
        const toTensor = (ref: Ref) => backend.createOutputTensor(tracer.metadata(tracer.seenByTfjs(ref))) as tf.Tensor
        const args = Object.fromEntries(
          Object.entries(inputs).map(([input, { shape, dtype = 'float32' }]) => [
            input,
            toTensor(tracer.source('Placeholder', input, { shape, dtype })),
          ]),
        )
        const read = (variable: string) => {
          const { shape, dtype = 'float32' } = state[variable]!
          // Kept: a variable may be read first inside a tidy of the user's, and is then used outside.
          return tf.keep(toTensor(tracer.source('ReadVariableOp', variable, { shape, dtype })))
        }
        const result = fn(args, lazyRecord(name, state, variables, read))
        if (result instanceof Promise || typeof (result as { then?: unknown } | undefined)?.then === 'function') {
          throw new TypeError(
            `${name}: expected a plain function, got one that returns a promise. A trace can't wait: await outside compile().`,
          )
        }
        checkResult(name, result)
        const ref = (tensor: tf.Tensor) => tracer.ref(backend.getInputTensorIds([tensor])[0]!)
        return {
          name,
          outputs: mapTensors(result.outputs, (tensor, output) => ref(checkTensor(name, `output ${output}`, tensor))),
          updates: mapTensors(result.state ?? {}, (tensor, variable) => {
            checkUpdate(name, variable, checkTensor(name, `state ${variable}`, tensor), state)
            return tracer.cast(ref(tensor), state[variable]!.dtype ?? 'float32')
          }),
          nodes: tracer.builder.nodes,
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

export function checkResult(name: string, result: ReturnType<TraceableFunction>): void {
  if (typeof result !== 'object' || result === null || typeof result.outputs !== 'object' || result.outputs === null) {
    throw new TypeError(
      `${name}: expected fn to return { outputs, state? }, got ${result === null ? 'null' : typeof result}.`,
    )
  }
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

/** Runs f with the tracing backend active, and leaves TensorFlow.js as it was. */
function withTraceBackend<T>(tracer: Tracer, f: (backend: NodeBackend) => T, kept: Map<string, tf.Tensor>): T {
  const backend = traceBackend(tracer)
  const engine = tf.engine()
  const before = tf.getBackend() as string | undefined
  if (before === TRACE_BACKEND)
    throw new Error(`${tracer.name}: compile() cannot be called inside a function that is being compiled.`)
  const hadNodeBackend = 'tensorflow' in engine.registry
  const debug = tf.env().getBool('DEBUG')
  const undo = guardTrace(tracer.name)
  try {
    tf.registerBackend(TRACE_BACKEND, () => backend, -1)
    void tf.setBackend(TRACE_BACKEND) // takes effect at once: our factory is synchronous
    // The kernels look up the constants of the binding at this name; ours has the same.
    if (!hadNodeBackend) engine.registry.tensorflow = backend
    if (debug) tf.env().set('DEBUG', false) // debug mode reads every result
    let result: { value: T } | undefined
    tf.tidy(() => {
      result = { value: f(backend) }
    })
    return result!.value
  } finally {
    for (const tensor of kept.values()) tensor.dispose()
    undo()
    if (debug) tf.env().set('DEBUG', true)
    if (!hadNodeBackend) delete engine.registry.tensorflow
    tf.removeBackend(TRACE_BACKEND) // no backend is active now
    if (before) void tf.setBackend(before)
  }
}

/** While a trace lasts, turns what would silently go wrong into errors. Returns a function that undoes it. */
function guardTrace(name: string): () => void {
  const engine = tf.engine()
  const { random } = Math
  const { assign } = tf.Variable.prototype
  const runKernel = engine.runKernel
  Math.random = () => {
    throw new Error(
      `${name}: random numbers drawn while compile() traces would be the same in every call${scopeText()}. Make them inputs, or give the op a seed if that is meant.`,
    )
  }
  tf.Variable.prototype.assign = function (this: tf.Variable) {
    throw new Error(
      `${name}: cannot assign tf.Variable ${this.name} inside compile(). Return the value in state, and session.create the variable.`,
    )
  }
  engine.runKernel = function (this: typeof engine, kernel, ...rest) {
    if (!tf.getKernel(kernel, TRACE_BACKEND)) {
      throw new Error(`${name}: TensorFlow has no kernel for ${kernel}${scopeText()}. Write it with other ops.`)
    }
    return runKernel.call(this, kernel, ...rest) as never
  } as typeof engine.runKernel
  return () => {
    Math.random = random
    tf.Variable.prototype.assign = assign
    engine.runKernel = runKernel
  }
}

interface TracedData {
  shape: number[]
  dtype: tf.DataType
  /** Kept for constants: they do have a value. */
  values: unknown
  id: number | undefined
  refCount: number
}

function traceBackend(tracer: Tracer): NodeBackend {
  const NodeBackendClass = loadKernels()
  const { name } = tracer
  const engine = tf.engine()

  class TraceBackend extends NodeBackendClass {
    private readonly data = new Map<object, TracedData>()
    /** Constants made of tensors that live on another backend, which keeps them. */
    private readonly captured = new Map<object, number>()

    override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
      const dataId = {}
      this.data.set(dataId, { shape, dtype, values, id: undefined, refCount: 1 })
      return dataId
    }

    override move(
      dataId: object,
      values: tf.backend_util.BackendValues,
      shape: number[],
      dtype: tf.DataType,
      refCount: number,
    ): void {
      this.data.set(dataId, { shape, dtype, values, id: undefined, refCount })
    }

    override createOutputTensor(metadata: { id: number; shape: number[]; dtype: number }): tf.Tensor {
      const dtype = TFJS_DTYPES[metadata.dtype]!
      const dataId = {}
      this.data.set(dataId, { shape: metadata.shape, dtype, values: undefined, id: metadata.id, refCount: 1 })
      return engine.makeTensorFromTensorInfo({ dataId, shape: metadata.shape, dtype }, this)
    }

    override getInputTensorIds(tensors: tf.TensorInfo[]): number[] {
      return tensors.map((tensor) => {
        const own = this.data.get(tensor.dataId)
        if (!own) return this.capture(tensor)
        own.id ??= this.constant({ dtype: own.dtype, shape: own.shape, dataId: tensor.dataId }, own.values)
        return own.id
      })
    }

    private capture(tensor: tf.TensorInfo): number {
      let id = this.captured.get(tensor.dataId)
      if (id === undefined) {
        id = this.constant(tensor, engine.readSync(tensor.dataId))
        this.captured.set(tensor.dataId, id)
      }
      return id
    }

    private constant(tensor: tf.TensorInfo, values: unknown): number {
      let value: HostTensor
      try {
        value = constantOf(tensor, values)
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`)
      }
      return tracer.metadata(tracer.constant(value)).id
    }

    override readSync(dataId: object): tf.backend_util.BackendValues {
      const data = this.data.get(dataId)
      if (data?.values) return data.values as tf.backend_util.BackendValues
      const tensor = data ? typeText(data) : 'a tensor'
      throw new Error(
        `${name}: cannot read ${tensor}${scopeText()}: a traced tensor has no value. Return it as an output, and read what the compiled function gives.`,
      )
    }

    override async read(dataId: object): Promise<tf.backend_util.BackendValues> {
      return this.readSync(dataId)
    }

    override disposeData(dataId: object, force = false): boolean {
      const data = this.data.get(dataId)
      if (!data) return true
      if (--data.refCount > 0 && !force) return false
      this.data.delete(dataId)
      return true
    }

    override incRef(dataId: object): void {
      const data = this.data.get(dataId)
      if (data) data.refCount++
      else ownerOf(dataId)?.incRef(dataId) // a captured tensor: TensorFlow.js will give this reference back to its own backend
    }

    override refCount(dataId: object): number {
      return this.data.get(dataId)?.refCount ?? 0
    }

    override numDataIds(): number {
      return this.data.size
    }
  }
  return new TraceBackend(tracer.binding(), '@tensorflow/tfjs-node-gpu')
}

const TFJS_DTYPES: Record<number, tf.DataType> = { 1: 'float32', 3: 'int32', 8: 'complex64', 10: 'bool' }

function ownerOf(dataId: object): tf.KernelBackend | undefined {
  const { tensorInfo } = tf.engine().state as unknown as { tensorInfo: WeakMap<object, { backend: tf.KernelBackend }> }
  return tensorInfo.get(dataId)?.backend
}
