import { type CApi, loadTensorFlow, type Output, type Pointer, packOutputs, TensorFlowError } from './capi.js'
import { configProto } from './config-proto.js'
import { type Emitted, emit } from './emit.js'
import { checkFeeds, checkTensorData, type Feed } from './feeds.js'
import { bytesOf, type Dtype, type HostTensor, typeText } from './host-tensor.js'
import type { Attribute, Program } from './ir.js'
import { Queue } from './queue.js'
import type { EngineInfo, Session, SessionMemory, SessionOptions } from './session.js'
import { TfGraph } from './tf-graph.js'
import type { TensorSpec } from './trace.js'

interface Variable {
  name: string
  spec: { shape: readonly number[]; dtype: Dtype }
  /** The VarHandleOp. */
  handle: Output
  read: Output
  /** The placeholder and operation of assignments by the host. */
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

interface Run {
  feeds?: readonly [Output, Pointer][]
  fetches?: readonly Output[]
  targets?: readonly Pointer[]
}

/** A session of libtensorflow. */
export class TensorFlowSession implements Session {
  private readonly queue = new Queue()
  private readonly variables = new Map<string, Variable>()
  private names = 0
  private closing: Promise<void> | undefined

  private constructor(
    readonly engine: EngineInfo,
    readonly c: CApi,
    private readonly graph: TfGraph,
    private readonly session: Pointer,
    private readonly device: string | undefined,
  ) {}

  static async open(
    found: { dir: string; origin: string },
    { threads, device }: SessionOptions,
  ): Promise<TensorFlowSession> {
    const c = await loadTensorFlow(found.dir)
    const graph = new TfGraph(c)
    const options = c.newSessionOptions()
    try {
      const config = configProto({ threads })
      c.setConfig(options, config, config.length, c.status)
      c.check('openSession')
      const session = c.newSession(graph.pointer, options, c.status)
      c.check('openSession')
      const engine: EngineInfo = { kind: 'tensorflow', version: c.version(), path: c.dir, origin: found.origin }
      return new TensorFlowSession(engine, c, graph, session!, device)
    } catch (error) {
      graph.delete()
      throw error
    } finally {
      c.deleteSessionOptions(options)
    }
  }

  async create(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('create')
    for (const [name, value] of Object.entries(values)) {
      if (this.variables.has(name))
        throw new Error(`create: the session has a variable ${name}. Assign it, or remove it first.`)
      checkTensorData(`create: ${name}`, value)
    }
    const group: Variable[] = []
    for (const [name, { dtype, shape }] of Object.entries(values))
      group.push(this.newVariable(name, { dtype, shape: [...shape] }, group))
    for (const variable of group) this.variables.set(variable.name, variable)
    await this.queue.run(() => this.store(values))
  }

  async assign(values: Record<string, HostTensor>): Promise<void> {
    this.checkOpen('assign')
    for (const [name, value] of Object.entries(values)) {
      const { spec } = this.variable('assign', name)
      checkTensorData(`assign: ${name}`, value)
      if (typeText(value) !== typeText(spec)) {
        throw new RangeError(`assign: ${name} is ${typeText(spec)}, got ${typeText(value)}.`)
      }
    }
    await this.queue.run(() => this.store(values))
  }

  async read(names?: Iterable<string>): Promise<Record<string, HostTensor>> {
    this.checkOpen('read')
    const wanted = [...(names ?? this.variables.keys())]
    for (const name of wanted) this.variable('read', name)
    return this.queue.run(async () => {
      const values: Record<string, HostTensor | undefined> = Object.fromEntries(wanted.map((name) => [name, undefined]))
      for (const group of new Set(wanted.map((name) => this.variable('read', name).group))) {
        const there = group.filter((variable) => this.variables.get(variable.name) === variable)
        const tensors = await this.run({ fetches: there.map(({ read }) => read) })
        tensors.forEach((tensor, i) => {
          const { name } = there[i]!
          if (name in values) values[name] = this.c.takeTensor(tensor)
          else this.c.deleteTensor(tensor)
        })
      }
      return values as Record<string, HostTensor>
    })
  }

  async remove(names: Iterable<string>): Promise<void> {
    this.checkOpen('remove')
    const variables = [...new Set(names)].map((name) => this.variable('remove', name))
    await this.queue.run(async () => {
      const targets = variables.map(({ handle }) =>
        this.graph.add('DestroyResourceOp', `destroy_${this.names++}`, [handle], {}, { device: this.device }),
      )
      await this.run({ targets })
      for (const { name } of variables) this.variables.delete(name)
    })
  }

  has(name: string): boolean {
    return this.variables.has(name)
  }

  specs(): Record<string, TensorSpec> {
    return Object.fromEntries([...this.variables].map(([name, { spec }]) => [name, spec]))
  }

  memory(): SessionMemory {
    const variables = [...this.variables.values()]
    return {
      variables: variables.length,
      bytes: variables.reduce((sum, { spec }) => sum + bytesOf(spec), 0),
      tensors: this.c.liveTensors(),
    }
  }

  close(): Promise<void> {
    this.closing ??= this.queue.run(() => {
      const { c } = this
      c.closeSession(this.session, c.status)
      c.deleteSession(this.session, c.status)
      this.variables.clear()
      this.graph.delete()
    })
    return this.closing
  }

  /** Adds a program to the graph and returns the function that runs it. */
  load(
    program: Program,
    inputs: Record<string, TensorSpec>,
  ): (feeds: Record<string, Feed>) => Promise<Record<string, HostTensor>> {
    this.checkOpen(program.name)
    const { c } = this
    const used = new Map<string, Variable>()
    const use = (name: string) => {
      const variable = this.variable(program.name, name)
      used.set(name, variable)
      return variable.handle
    }
    const prefix = `${program.name}_${this.names++}`
    const emitted: Emitted = emit(program, { graph: this.graph, prefix, handle: use, device: this.device })
    const names = Object.keys(emitted.outputs)
    return async (feeds) => {
      this.checkOpen(program.name)
      const tensors = checkFeeds(program.name, inputs, feeds)
      // Copied now: the caller may reuse its arrays while the call waits its turn.
      const fed = Object.entries(emitted.inputs).map(([name, output]): [Output, Pointer] => [
        output,
        c.toTensor(tensors[name]!),
      ])
      return this.queue.run(async () => {
        try {
          for (const [name, variable] of used) {
            if (this.variables.get(name) !== variable) {
              throw new Error(
                `${program.name}: the variable ${name} that it was compiled for has been removed. Compile it again.`,
              )
            }
          }
          const results = await this.run({
            feeds: fed,
            fetches: Object.values(emitted.outputs),
            targets: emitted.assignments,
          })
          return Object.fromEntries(results.map((tensor, i) => [names[i]!, c.takeTensor(tensor)]))
        } catch (error) {
          if (!(error instanceof TensorFlowError)) throw error
          throw new Error(`${program.name}: ${error.message}`, { cause: error })
        } finally {
          for (const [, tensor] of fed) c.deleteTensor(tensor)
        }
      })
    }
  }

  private variable(where: string, name: string): Variable {
    const variable = this.variables.get(name)
    if (!variable)
      throw new Error(`${where}: the session has no variable ${name}. It has ${this.variables.size}; create it first.`)
    return variable
  }

  private checkOpen(where: string): void {
    if (this.closing) throw new Error(`${where}: the session is closed. Open another.`)
  }

  private newVariable(name: string, spec: Variable['spec'], group: readonly Variable[]): Variable {
    const { graph, device } = this
    const prefix = `variable_${this.names++}`
    const dtype = { type: 'dtype', value: spec.dtype } as const
    const shape = { type: 'shape', value: spec.shape } as const
    const output = (oper: Pointer): Output => ({ oper, index: 0 })
    const add = (op: string, inputs: Output[], attributes: Record<string, Attribute>) =>
      graph.add(op, `${prefix}/${op}`, inputs, attributes, { device })
    const handle = output(add('VarHandleOp', [], { shared_name: { type: 'string', value: name }, dtype, shape }))
    const read = output(add('ReadVariableOp', [handle], { dtype }))
    const value = output(add('Placeholder', [], { dtype, shape }))
    const assign = add('AssignVariableOp', [handle, value], { dtype })
    return { name, spec, handle, read, value, assign, group }
  }

  /** Assigns to variables a chunk at a time. */
  private async store(values: Record<string, HostTensor>): Promise<void> {
    const { c } = this
    let chunk: [Variable, HostTensor][] = []
    let bytes = 0
    const flush = async () => {
      if (chunk.length === 0) return
      const feeds = chunk.map(([variable, value]): [Output, Pointer] => [variable.value, c.toTensor(value)])
      try {
        await this.run({ feeds, targets: chunk.map(([{ assign }]) => assign) })
      } finally {
        for (const [, tensor] of feeds) c.deleteTensor(tensor)
      }
      chunk = []
      bytes = 0
    }
    for (const [name, value] of Object.entries(values)) {
      chunk.push([this.variable('assign', name), value])
      bytes += value.data.byteLength
      if (bytes >= ASSIGNED_AT_ONCE) await flush()
    }
    await flush()
  }

  /** TF_SessionRun on another thread. The tensors it gives are the caller's. */
  private run({ feeds = [], fetches = [], targets = [] }: Run): Promise<Pointer[]> {
    const { c } = this
    const results = new BigInt64Array(fetches.length)
    const status = c.newStatus()
    const args = [
      packOutputs(feeds.map(([output]) => output)),
      BigInt64Array.from(feeds, ([, tensor]) => tensor),
      packOutputs(fetches),
      BigInt64Array.from(targets),
    ] as const
    return new Promise<Pointer[]>((resolve, reject) => {
      const done = (error: Error | null) => {
        const code = error ? 0 : c.getCode(status)
        const message = code === 0 ? '' : c.message(status)
        c.deleteStatus(status)
        if (error) reject(error)
        else if (code !== 0) reject(new TensorFlowError(message, code))
        else resolve(Array.from(results, (tensor) => c.adopt(tensor)))
        void args // alive until the run, which holds pointers into them, is over
      }
      const [inputs, tensors, outputs, operations] = args
      c.sessionRun.async(
        this.session, null, inputs, tensors, feeds.length, outputs, results, fetches.length, operations, targets.length, null, status,
        done,
      ) // biome-ignore format: as the C function lists them
    })
  }
}
