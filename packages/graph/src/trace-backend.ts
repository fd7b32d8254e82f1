import * as tf from '@tensorflow/tfjs-core'
import { type HostTensor, typeText } from './host-tensor.js'
import { loadKernels, type NodeBackend } from './kernels.js'
import { constantOf, scopeText, type Tracer } from './tracer.js'

interface TracedData {
  shape: number[]
  dtype: tf.DataType
  /** Kept for constants: they do have a value. */
  values: unknown
  id: number | undefined
  /** The id, where it is known only once somebody asks. */
  source?: () => number
  refCount: number
}

export interface TraceBackend extends NodeBackend {
  /** Data that is there until the trace ends; `source` gives its id once it is read. */
  hold(type: { shape: number[]; dtype: tf.DataType }, source: () => number): object
}

/** A TensorFlow.js backend whose kernels add nodes to a program instead of computing. Tensors of other backends become constants. */
export function traceBackend(tracer: Tracer): TraceBackend {
  const NodeBackendClass = loadKernels()
  const { name } = tracer
  const engine = tf.engine()

  class Tracing extends NodeBackendClass implements TraceBackend {
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

    hold({ shape, dtype }: { shape: number[]; dtype: tf.DataType }, source: () => number): object {
      const dataId = {}
      this.data.set(dataId, {
        shape,
        dtype,
        values: undefined,
        id: undefined,
        source,
        refCount: Number.POSITIVE_INFINITY,
      })
      return dataId
    }

    override getInputTensorIds(tensors: tf.TensorInfo[]): number[] {
      return tensors.map((tensor) => {
        const own = this.data.get(tensor.dataId)
        if (!own) return this.capture(tensor)
        own.id ??=
          own.source?.() ?? this.constant({ dtype: own.dtype, shape: own.shape, dataId: tensor.dataId }, own.values)
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
      try {
        return this.readSync(dataId)
      } catch (error) {
        tracer.failure ??= error as Error // fn may never look at the promise
        throw error
      }
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
  return new Tracing(tracer.binding(), '@tensorflow/tfjs-node-gpu')
}

const TFJS_DTYPES: Record<number, tf.DataType> = { 1: 'float32', 3: 'int32', 8: 'complex64', 10: 'bool' }

function ownerOf(dataId: object): tf.KernelBackend | undefined {
  const { tensorInfo } = tf.engine().state as unknown as { tensorInfo: WeakMap<object, { backend: tf.KernelBackend }> }
  return tensorInfo.get(dataId)?.backend
}
