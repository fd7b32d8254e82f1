import { Adopted } from './adopted.js'
import type { Output, Pointer } from './capi.js'
import { emit } from './emit.js'
import { countGpus, type Engine } from './engine/index.js'
import { checkFeeds, type Feed } from './feeds.js'
import type { HostTensor } from './host-tensor.js'
import type { Attribute, Program } from './ir.js'
import { failedOutput, NotFiniteError } from './not-finite.js'
import { probeOneDnn } from './onednn.js'
import { describe, type NodeTime } from './profile.js'
import { Queue } from './queue.js'
import { type Run, Runner } from './runner.js'
import type { EngineInfo, Session, SessionMemory, SessionOptions } from './session.js'
import { loadTensorFlow, type TensorFlow, TensorFlowError } from './tensorflow.js'
import type { Traced } from './trace.js'
import type { InputSpec, TensorSpec } from './traceable.js'
import { type VariableSpec, Variables } from './variables.js'

interface Variable {
  name: string
  spec: VariableSpec
  /** The VarHandleOp. */
  handle: Output
  read: Output
  /** The placeholder and the operation with which the host assigns. */
  value: Output
  assign: Pointer
  /**
   * The variables created together with this one. TensorFlow keeps a plan for each set of nodes that it was ever asked for, so the
   * host reads whole groups, which on a CPU copies nothing, and takes out of them what it wants.
   */
  group: readonly Variable[]
}

/** The host hands over about this many bytes of variables at a time, so that there are never two copies of all of them. */
const ASSIGNED_AT_ONCE = 64 << 20

/** Why TensorFlow sees no GPU, and what to do. */
async function noGpu(devices: readonly string[]): Promise<string> {
  if (devices.some((device) => device.includes('GPU'))) return ''
  return (await countGpus()) === 0
    ? " NVIDIA's driver does not answer here: `nvidia-smi` should list the GPU."
    : ' A GPU is there, but this TensorFlow does not use it: `dino engine install cuda` fetches the one that does, and ' +
        'TF_CPP_MIN_LOG_LEVEL=0 shows what it says.'
}

/** A session of libtensorflow. */
export class TensorFlowSession implements Session {
  private readonly queue = new Queue()
  private readonly variables = new Variables<Variable>()
  private readonly adopted = new Adopted(this)
  private listener: ((nodes: NodeTime[], compiled: string) => void) | undefined
  private names = 0
  private closing: Promise<void> | undefined
  private oneDnn: Promise<boolean> | undefined

  private constructor(
    readonly engine: EngineInfo,
    readonly lib: TensorFlow,
    private readonly runner: Runner,
    private readonly device: string | undefined,
  ) {}

  static async open(found: Engine, { threads, device }: SessionOptions): Promise<TensorFlowSession> {
    const lib = await loadTensorFlow(found.libraries)
    const runner = Runner.open(lib, { threads })
    const devices = runner.devices()
    // TensorFlow would silently place its ops elsewhere.
    if (device !== undefined && !devices.includes(device)) {
      runner.close()
      throw new RangeError(
        `openSession: there is no device ${device}. There is ${devices.join(', ')}.${await noGpu(devices)}`,
      )
    }
    const version = lib.c.version()
    const engine: EngineInfo = { kind: 'tensorflow', version, path: found.dir, origin: found.origin, devices }
    return new TensorFlowSession(engine, lib, runner, device)
  }

  /** Whether TensorFlow may place ops on a GPU. */
  get usesGpu(): boolean {
    const { engine, device } = this
    return (device ?? (engine.kind === 'tensorflow' ? engine.devices.join() : '')).includes('GPU')
  }

  /** Whether products on the CPU are oneDNN's. */
  hasOneDnn(): Promise<boolean> {
    this.oneDnn ??= this.queue.run(() => probeOneDnn(this.runner, `onednn_${this.names++}`))
    return this.oneDnn
  }

  async create(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('create')
    this.variables.checkNew(values)
    const group: Variable[] = []
    for (const [name, { dtype, shape }] of Object.entries(values)) {
      group.push(this.newVariable(name, { dtype, shape: [...shape] }, group))
    }
    for (const variable of group) this.variables.set(variable.name, variable)
    try {
      await this.queue.run(() => this.store(values))
    } catch (error) {
      for (const { name } of group) this.variables.delete(name)
      throw error
    }
  }

  async assign(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('assign')
    this.variables.checkAssigned(values)
    await this.queue.run(() => this.store(values))
  }

  async read(names: Iterable<string> = this.variables.keys()): Promise<Record<string, HostTensor>> {
    this.checkOpen('read')
    const wanted = [...names]
    for (const name of wanted) this.variables.need('read', name)
    return this.queue.run(async () => {
      const values = new Map<string, HostTensor | undefined>(wanted.map((name) => [name, undefined]))
      for (const group of new Set(wanted.map((name) => this.variables.need('read', name).group))) {
        const there = group.filter((variable) => this.variables.get(variable.name) === variable)
        const tensors = await this.runner.run({ fetches: there.map(({ read }) => read) })
        this.take(
          tensors,
          (value, i) => values.set(there[i]!.name, value),
          (i) => values.has(there[i]!.name),
        )
      }
      return Object.fromEntries(values) as Record<string, HostTensor>
    })
  }

  async remove(names: Iterable<string>): Promise<void> {
    this.checkOpen('remove')
    const wanted = new Set(names)
    for (const name of wanted) this.variables.need('remove', name)
    await this.queue.run(async () => {
      const targets = [...wanted].map((name) => {
        const { handle } = this.variables.need('remove', name)
        return this.runner.graph.add(
          'DestroyResourceOp',
          `destroy_${this.names++}`,
          [handle],
          {},
          { device: this.device },
        )
      })
      if (targets.length > 0) await this.runner.run({ targets })
      for (const name of wanted) this.variables.delete(name)
    })
  }

  /** Makes variables of the tf.Variables that a function uses. */
  adopt(traced: Traced): Promise<void> {
    return this.adopted.adopt(traced)
  }

  pull(): Promise<void> {
    this.checkOpen('pull')
    return this.adopted.pull()
  }

  push(): Promise<void> {
    this.checkOpen('push')
    return this.adopted.push()
  }

  profile(listener: (nodes: NodeTime[], compiled: string) => void): () => void {
    this.checkOpen('profile')
    if (this.listener) throw new Error('profile: the session is being profiled already. Stop that first.')
    this.listener = listener
    return () => {
      if (this.listener === listener) this.listener = undefined
    }
  }

  has(name: string): boolean {
    return this.variables.has(name)
  }

  specs(): Record<string, TensorSpec> {
    return this.variables.specs()
  }

  memory(): SessionMemory {
    return { ...this.variables.memory(), tensors: this.lib.liveTensors }
  }

  close(): Promise<void> {
    this.closing ??= this.queue.run(() => {
      this.runner.close()
      this.variables.clear()
    })
    return this.closing
  }

  /** Adds a program to the graph and returns the function that runs it. */
  load(
    program: Program,
    inputs: Record<string, InputSpec>,
  ): (feeds: Record<string, Feed>, onProfile?: Run['onProfile']) => Promise<Record<string, HostTensor>> {
    this.checkOpen(program.name)
    const { lib, runner } = this
    const used = new Map<string, Variable>()
    const handle = (name: string) => {
      const variable = this.variables.need(program.name, name)
      used.set(name, variable)
      return variable.handle
    }
    const prefix = `${program.name}_${this.names++}`
    const emitted = emit(program, { graph: runner.graph, prefix, handle, device: this.device })
    const names = Object.keys(emitted.outputs)
    const fetches = Object.values(emitted.outputs)
    const call = async (feeds: readonly (readonly [Output, Pointer])[], onProfile: Run['onProfile']) => {
      for (const [name, variable] of used) {
        if (this.variables.get(name) === variable) continue
        throw new Error(`${program.name}: the variable ${name} that it was compiled for was removed. Compile it again.`)
      }
      if (fetches.length + emitted.targets.length === 0) return {}
      const { listener } = this
      const observe = (times: NodeTime[]) => {
        const nodes = describe(program, prefix, times)
        onProfile?.(nodes)
        listener?.(nodes, program.name)
      }
      const observed = onProfile || listener ? observe : undefined
      const results = await runner.run({ feeds, fetches, targets: emitted.targets, onProfile: observed })
      const values: Record<string, HostTensor> = {}
      this.take(results, (value, i) => {
        values[names[i]!] = value
      })
      return values
    }
    return async (feeds, onProfile) => {
      this.checkOpen(program.name)
      const tensors = checkFeeds(program.name, inputs, feeds)
      // Copied now: the caller may reuse its arrays while the call waits its turn.
      const fed = Object.entries(emitted.inputs).map(
        ([name, output]) => [output, lib.toTensor(tensors[name]!)] as const,
      )
      try {
        return await this.queue.run(() => call(fed, onProfile))
      } catch (error) {
        if (!(error instanceof TensorFlowError)) throw error
        const output = failedOutput(error.message)
        if (output !== undefined) throw new NotFiniteError(program.name, output, { cause: error })
        throw new Error(`${program.name}: ${error.message}`, { cause: error })
      } finally {
        for (const [, tensor] of fed) lib.deleteTensor(tensor)
      }
    }
  }

  private checkOpen(where: string): void {
    if (this.closing) throw new Error(`${where}: the session is closed. Open another.`)
  }

  private newVariable(name: string, spec: VariableSpec, group: readonly Variable[]): Variable {
    const prefix = `variable_${this.names++}`
    const dtype = { type: 'dtype', value: spec.dtype } as const
    const shape = { type: 'shape', value: spec.shape } as const
    const output = (oper: Pointer): Output => ({ oper, index: 0 })
    const add = (op: string, inputs: Output[], attributes: Record<string, Attribute>) =>
      this.runner.graph.add(op, `${prefix}/${op}`, inputs, attributes, { device: this.device })
    // A name of its own in TensorFlow: after remove, a variable of the same name may have another shape.
    const sharedName = { type: 'string', value: `${name}#${prefix}` } as const
    const handle = output(add('VarHandleOp', [], { shared_name: sharedName, dtype, shape }))
    const read = output(add('ReadVariableOp', [handle], { dtype }))
    const value = output(add('Placeholder', [], { dtype, shape }))
    return { name, spec, handle, read, value, assign: add('AssignVariableOp', [handle, value], { dtype }), group }
  }

  /** Assigns a chunk of variables at a time. */
  private async store(values: Record<string, HostTensor>): Promise<void> {
    let chunk: [Variable, HostTensor][] = []
    let bytes = 0
    for (const [name, value] of Object.entries(values)) {
      chunk.push([this.variables.need('assign', name), value])
      bytes += value.data.byteLength
      if (bytes < ASSIGNED_AT_ONCE) continue
      await this.storeChunk(chunk)
      chunk = []
      bytes = 0
    }
    if (chunk.length > 0) await this.storeChunk(chunk)
  }

  private async storeChunk(chunk: readonly [Variable, HostTensor][]): Promise<void> {
    const feeds = chunk.map(([variable, value]) => [variable.value, this.lib.toTensor(value)] as const)
    try {
      await this.runner.run({ feeds, targets: chunk.map(([{ assign }]) => assign) })
    } finally {
      for (const [, tensor] of feeds) this.lib.deleteTensor(tensor)
    }
  }

  /** Copies the tensors that are wanted to the host, and deletes all, also if there is no memory for a copy. */
  private take(
    tensors: Pointer[],
    keep: (value: HostTensor, i: number) => void,
    wanted: (i: number) => boolean = () => true,
  ) {
    let next = 0
    try {
      while (next < tensors.length) {
        const i = next++
        if (wanted(i)) keep(this.lib.takeTensor(tensors[i]!), i)
        else this.lib.deleteTensor(tensors[i]!)
      }
    } finally {
      for (const tensor of tensors.slice(next)) this.lib.deleteTensor(tensor)
    }
  }
}
