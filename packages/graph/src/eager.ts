import * as tf from '@tensorflow/tfjs-core'
import { runEagerly, startEagerBackend } from './eager-backend.js'
import { checkFeeds, type Feed } from './feeds.js'
import { type Dtype, type HostTensor, newArray, sizeOf } from './host-tensor.js'
import { NotFiniteError } from './not-finite.js'
import { Queue } from './queue.js'
import type { EngineInfo, Session, SessionMemory, SessionOptions } from './session.js'
import { tfjsDtype } from './tfjs-dtype.js'
import {
  callTraceable,
  checkTensor,
  checkUpdate,
  type InputSpec,
  lazyRecord,
  type TensorSpec,
  type TraceableFunction,
} from './traceable.js'
import { type VariableSpec, Variables } from './variables.js'

interface Variable {
  spec: VariableSpec
  tensor: tf.Tensor
}

/** The same interface as libtensorflow's session, on a TensorFlow.js backend that runs op by op. */
export class EagerSession implements Session {
  private readonly queue = new Queue()
  private readonly variables = new Variables<Variable>()
  private closing: Promise<void> | undefined
  /** Tensors of ours that calls under way hold. */
  private live = 0

  private constructor(readonly engine: EngineInfo & { kind: 'eager' }) {}

  static async open({ eagerBackend }: SessionOptions): Promise<EagerSession> {
    const { backend, reason } = await startEagerBackend(eagerBackend)
    return new EagerSession({ kind: 'eager', version: tf.version_core, backend, reason })
  }

  async create(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('create')
    this.variables.checkNew(values)
    checkHeld('create', values)
    this.on(() => {
      for (const [name, value] of Object.entries(values)) {
        this.variables.set(name, {
          spec: { shape: [...value.shape], dtype: value.dtype },
          tensor: tf.keep(toTfjs(value)),
        })
      }
    })
  }

  async assign(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('assign')
    this.variables.checkAssigned(values)
    const copies = this.on(() => Object.entries(values).map(([name, value]) => [name, tf.keep(toTfjs(value))] as const))
    await this.queue.run(() => {
      for (const [name, tensor] of copies) this.replace(name, tensor)
    })
  }

  async read(names?: Iterable<string>): Promise<Record<string, HostTensor>> {
    this.checkOpen('read')
    const wanted = [...(names ?? this.variables.keys())]
    for (const name of wanted) this.variables.need('read', name)
    return this.queue.run(async () => {
      const values: Record<string, HostTensor> = {}
      for (const name of wanted) {
        const { tensor, spec } = this.variables.need('read', name)
        values[name] = fromTfjs(spec, await tensor.data())
      }
      return values
    })
  }

  async remove(names: Iterable<string>): Promise<void> {
    this.checkOpen('remove')
    const wanted = [...names]
    for (const name of wanted) this.variables.need('remove', name)
    await this.queue.run(() => {
      for (const name of wanted) {
        this.variables.need('remove', name).tensor.dispose()
        this.variables.delete(name)
      }
    })
  }

  /** Here tf.Variables are used where they are. */
  async pull(): Promise<void> {
    this.checkOpen('pull')
    await this.queue.idle()
  }

  async push(): Promise<void> {
    this.checkOpen('push')
    await this.queue.idle()
  }

  profile(): never {
    throw new Error('profile: the eager engine has no graph to profile. tf.profile looks at TensorFlow.js.')
  }

  has(name: string): boolean {
    return this.variables.has(name)
  }

  specs(): Record<string, TensorSpec> {
    return this.variables.specs()
  }

  memory(): SessionMemory {
    return { ...this.variables.memory(), tensors: this.live }
  }

  close(): Promise<void> {
    this.closing ??= this.queue.run(() => {
      for (const { tensor } of this.variables.values()) tensor.dispose()
      this.variables.clear()
    })
    return this.closing
  }

  /** The function that runs fn op by op. */
  load(
    name: string,
    fn: TraceableFunction,
    inputs: Record<string, InputSpec>,
  ): (feeds: Record<string, Feed>) => Promise<Record<string, HostTensor>> {
    this.checkOpen(name)
    return async (feeds) => {
      this.checkOpen(name)
      const values = checkFeeds(name, inputs, feeds)
      checkHeld(name, values)
      const copies = this.on(() =>
        Object.entries(values).map(([input, value]) => [input, tf.keep(toTfjs(value))] as const),
      )
      this.live += copies.length
      return this.queue.run(async () => {
        let outputs: [string, tf.Tensor][] = []
        try {
          outputs = this.on(() => this.step(name, fn, Object.fromEntries(copies)))
        } finally {
          for (const [, tensor] of copies) tensor.dispose()
          this.live += outputs.length - copies.length
        }
        try {
          const results: Record<string, HostTensor> = {}
          for (const [output, tensor] of outputs) {
            const spec = { dtype: tensor.dtype as Dtype, shape: tensor.shape }
            results[output] = fromTfjs(spec, await tensor.data())
          }
          return results
        } finally {
          for (const [, tensor] of outputs) tensor.dispose()
          this.live -= outputs.length
        }
      })
    }
  }

  /** One call: variables are replaced once fn is done, so that it sees them as they were. */
  private step(name: string, fn: TraceableFunction, inputs: Record<string, tf.Tensor>): [string, tf.Tensor][] {
    const specs = this.specs()
    let outputs: [string, tf.Tensor][] = []
    let updates: [string, tf.Tensor][] = []
    tf.tidy(() => {
      const state = lazyRecord(name, specs, new Map(), (variable) => this.variables.get(variable)!.tensor)
      const result = callTraceable(name, fn, inputs, state)
      for (const [variable, tensor] of Object.entries(result.state ?? {})) {
        checkUpdate(name, variable, checkTensor(name, `state ${variable}`, tensor), specs)
      }
      for (const [output, tensor] of Object.entries(result.outputs)) checkTensor(name, `output ${output}`, tensor)
      for (const output of result.finite ?? []) {
        const sum = tf.sum(tf.mul(result.outputs[output]!, 0)) // 0, unless an element is not finite
        if (sum.dataSync()[0] !== 0) throw new NotFiniteError(name, output)
      }
      // Clones: fn may return a variable or an input itself.
      outputs = Object.entries(result.outputs).map(([output, tensor]) => [output, tf.keep(tf.clone(tensor))])
      updates = Object.entries(result.state ?? {}).map(([variable, tensor]) => [variable, tf.keep(tf.clone(tensor))])
    })
    for (const [variable, tensor] of updates) this.replace(variable, tensor)
    return outputs
  }

  private replace(name: string, tensor: tf.Tensor): void {
    const variable = this.variables.need('assign', name)
    variable.tensor.dispose()
    variable.tensor = tensor
  }

  private on<T>(f: () => T): T {
    return runEagerly(this.engine.backend, f)
  }

  private checkOpen(where: string): void {
    if (this.closing) throw new Error(`${where}: the session is closed. Open another.`)
  }
}

/** TensorFlow.js keeps numbers as float32 and int32; the half floats' bits would need a conversion that nothing asks for yet. */
function checkHeld(where: string, values: Record<string, HostTensor>): void {
  for (const [name, { dtype }] of Object.entries(values)) {
    if (dtype === 'float16' || dtype === 'bfloat16') {
      throw new RangeError(`${where}: the eager engine cannot hold ${name} as ${dtype}. Convert it to float32.`)
    }
  }
}

function toTfjs({ dtype, shape, data }: HostTensor): tf.Tensor {
  const to = tfjsDtype(dtype)
  const source = data as unknown as ArrayLike<number | bigint>
  const values = newArray(to, sizeOf(shape)) // copied: TensorFlow.js keeps the array that it is given
  for (let i = 0; i < values.length; i++) values[i] = Number(source[i])
  return tf.tensor(values as unknown as Float32Array, [...shape], to)
}

function fromTfjs({ dtype, shape }: { dtype: Dtype; shape: readonly number[] }, values: ArrayLike<number>): HostTensor {
  const data = newArray(dtype, sizeOf(shape))
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'int64' ? BigInt(values[i]!) : values[i]!
  return { dtype, shape: [...shape], data }
}
