import { engine, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Output } from './capi.js'
import { type Dtype, type HostTensor, newArray, sizeOf, typeText } from './host-tensor.js'
import { type Attribute, type Node, ProgramBuilder, type Ref, type TensorType } from './ir.js'
import type { Binding, KernelAttribute, TensorMetadata } from './kernels.js'
import type { TensorFlow } from './tensorflow.js'
import { TfGraph } from './tf-graph.js'
import { TYPE_NUMBER, typeName } from './tf-types.js'
import { tfjsDtype } from './tfjs-dtype.js'

// The kinds of attribute in tfjs-node-gpu's binding.
const STRING = 0
const INT = 1
const FLOAT = 2
const BOOL = 3
const TYPE = 4
const SHAPE = 5

/** Constants up to this size are given to TensorFlow while tracing, so that shapes that depend on them are inferred. */
const KNOWN_CONSTANT_SIZE = 64

/**
 * Takes the place of tfjs-node-gpu's native addon: each op that a kernel would execute becomes a node, and nothing is computed.
 * A scratch TF_Graph says which shape and dtype the node has.
 */
export class Tracer {
  readonly builder = new ProgramBuilder()
  /** What went wrong where fn could not notice. */
  failure: Error | undefined
  private readonly scratch: TfGraph
  private readonly outputs: Output[][] = [] // of each node, in the scratch graph
  private readonly refs: Ref[] = [] // by the id that kernels know a tensor by

  constructor(
    readonly name: string,
    private readonly lib: TensorFlow,
  ) {
    this.scratch = new TfGraph(lib)
  }

  binding(): Binding {
    return {
      TF_FLOAT: TYPE_NUMBER.float32,
      TF_INT32: TYPE_NUMBER.int32,
      TF_UINT8: TYPE_NUMBER.uint8,
      TF_INT64: TYPE_NUMBER.int64,
      TF_BOOL: TYPE_NUMBER.bool,
      TF_STRING: TYPE_NUMBER.string,
      TF_COMPLEX64: TYPE_NUMBER.complex64,
      TF_RESOURCE: TYPE_NUMBER.resource,
      TF_ATTR_STRING: STRING,
      TF_ATTR_INT: INT,
      TF_ATTR_FLOAT: FLOAT,
      TF_ATTR_BOOL: BOOL,
      TF_ATTR_TYPE: TYPE,
      TF_ATTR_SHAPE: SHAPE,
      isUsingGpuDevice: () => false,
      deleteTensor: () => {},
      tensorDataSync: () => {
        throw new Error('a traced tensor has no value')
      },
      createTensor: (shape, type, values) => {
        const dtype = typeName(type)
        if (dtype === undefined || dtype === 'resource' || dtype === 'string' || dtype === 'complex64') {
          throw new Error(`${this.name}: a ${dtype ?? type} tensor cannot be part of a compiled function.`)
        }
        return this.metadata(this.constant(hostTensor(dtype, shape, values))).id
      },
      executeOp: (op, attributes, ids, count) => this.executeOp(op, attributes, ids, count),
    }
  }

  constant(value: HostTensor): Ref {
    const ref = this.builder.constant(value, scopePath())
    const { dtype, shape } = value
    const known = sizeOf(shape) <= KNOWN_CONSTANT_SIZE
    const type: Attribute = { type: 'dtype', value: dtype }
    const oper = known
      ? this.scratch.add('Const', `n${ref.node}`, [], { dtype: type, value: { type: 'tensor', value } })
      : this.scratch.add('Placeholder', `n${ref.node}`, [], { dtype: type, shape: { type: 'shape', value: shape } })
    this.outputs.push([{ oper, index: 0 }])
    return ref
  }

  /** An input or a variable: a value that the call brings. */
  source(
    op: 'Placeholder' | 'ReadVariableOp',
    name: string,
    { dtype, shape, upTo = false }: { dtype: Dtype; shape: readonly number[]; upTo?: boolean },
  ): Ref {
    const rest: Record<string, Attribute> = {
      dtype: { type: 'dtype', value: dtype },
      shape: { type: 'shape', value: shape },
    }
    const attributes: Record<string, Attribute> = {
      name: { type: 'string', value: name },
      ...rest,
      ...(upTo && { shape: { type: 'shape', value: [-1, ...shape.slice(1)] } }),
    }
    const [ref] = this.builder.add({ op, inputs: [], attributes, outputs: [{ dtype, shape }], scope: scopePath() })
    this.outputs.push([{ oper: this.scratch.add('Placeholder', `n${ref!.node}`, [], rest), index: 0 }])
    return ref!
  }

  cast(ref: Ref, to: Dtype): Ref {
    const from = this.builder.type(ref).dtype
    if (from === to) return ref
    return this.add('Cast', [ref], { SrcT: { type: 'dtype', value: from }, DstT: { type: 'dtype', value: to } })[0]!
  }

  add(op: string, inputs: Ref[], attributes: Record<string, Attribute>): Ref[] {
    const { lib, scratch } = this
    const scope = scopePath()
    try {
      const feeds = inputs.map(({ node, output }) => this.outputs[node]![output]!)
      const oper = scratch.add(op, `n${this.builder.nodes.length}`, feeds, attributes)
      const outputs = Array.from({ length: lib.c.numOutputs(oper) }, (_, index) => ({ oper, index }))
      const types = outputs.map((output) => this.known(scratch.type(output)))
      const stateful = lib.opDef(scratch.pointer, op).stateful
      const node: Node = { op, inputs, attributes, outputs: types, scope, ...(stateful ? { stateful } : {}) }
      this.outputs.push(outputs)
      return this.builder.add(node)
    } catch (error) {
      const given = inputs.map((ref) => typeText(this.builder.type(ref))).join(', ')
      const { message } = error as Error
      throw new Error(`${this.name}: ${op}(${given})${scopeText()} cannot be compiled: ${message}`, { cause: error })
    }
  }

  private known({ dtype, shape }: ReturnType<TfGraph['type']>): TensorType {
    if (dtype === undefined) throw new Error('its result is neither numbers nor booleans.')
    if (shape === undefined || shape.some((n) => n < 0)) {
      throw new Error('the shape of its result depends on values, which a trace does not have. Compute it outside.')
    }
    return { dtype, shape }
  }

  private executeOp(op: string, attributes: KernelAttribute[], ids: number[], count: number): TensorMetadata[] {
    const inputs = ids.map((id) => this.refs[id]!)
    const named = Object.fromEntries(attributes.map(({ name, type, value }) => [name, attribute(type, value)]))
    const refs = this.add(op, inputs, named)
    return refs.slice(0, count).map((ref) => this.metadata(this.seenByTfjs(ref)))
  }

  /** TensorFlow.js knows float32, int32, bool and complex64; other integers become int32, as they do eagerly. */
  seenByTfjs(ref: Ref): Ref {
    const { dtype } = this.builder.type(ref)
    return dtype === 'complex64' ? ref : this.cast(ref, tfjsDtype(dtype))
  }

  metadata(ref: Ref): TensorMetadata {
    const { dtype, shape } = this.builder.type(ref)
    return { id: this.refs.push(ref) - 1, shape: [...shape], dtype: TYPE_NUMBER[dtype] }
  }

  ref(id: number): Ref {
    return this.refs[id]!
  }

  dispose(): void {
    this.scratch.delete()
  }
}

function attribute(type: number, value: unknown): Attribute {
  if (type === STRING) return { type: 'string', value: String(value) }
  if (type === INT) {
    if (Array.isArray(value)) return { type: 'ints', value: value.map(Number) }
    return { type: 'int', value: Number(value) }
  }
  if (type === FLOAT) return { type: 'float', value: Number(value) }
  if (type === BOOL) return { type: 'bool', value: Boolean(value) }
  if (type === SHAPE) return { type: 'shape', value: value as number[] }
  const dtype = typeName(value as number)
  if (dtype === undefined || dtype === 'string' || dtype === 'resource')
    throw new Error(`type ${dtype ?? value} is not handled`)
  return { type: 'dtype', value: dtype }
}

function hostTensor(dtype: Dtype, shape: readonly number[], values: unknown): HostTensor {
  const data = newArray(dtype, sizeOf(shape))
  const given = values as ArrayLike<number | bigint>
  if (dtype !== 'bool' && given.constructor === data.constructor) {
    const typed = data as unknown as Float32Array
    typed.set(given as unknown as Float32Array)
    return { dtype, shape: [...shape], data }
  }
  for (let i = 0; i < data.length; i++) data[i] = dtype === 'bool' ? Number(Boolean(given[i])) : given[i]!
  return { dtype, shape: [...shape], data }
}

/** Values that a tensor of TensorFlow.js was made of, copied. */
export function constantOf(tensor: TensorInfo, values: unknown): HostTensor {
  if (tensor.dtype === 'string' || tensor.dtype === 'complex64') {
    throw new Error(`a ${tensor.dtype} tensor cannot be part of a compiled function.`)
  }
  return hostTensor(tensor.dtype, tensor.shape, values)
}

/**
 * Names given to tf.tidy around the op being traced, outermost first; `backward` is TensorFlow.js's own, around gradients, and what
 * follows it is where the op was whose gradient is computed. Ops open scopes too, whose names end in __op.
 */
export function scopePath(): string {
  const names = scopeNames()
  if (forward) names.splice(forward.depth, 0, ...forward.names)
  return named(names).join('/')
}

function named(names: string[]): string[] {
  return names.filter((name) => !name.endsWith('__op') && !UNNAMED.has(name))
}

/** Where the op was whose gradient is being traced, and how many scopes were open when its gradient began. */
let forward: { names: string[]; depth: number } | undefined

type Gradient = (dys: unknown[]) => Record<string, () => unknown>

/** While a trace lasts, gradients get the scope of their op. The function that it returns ends that. */
export function traceScopes(): () => void {
  const target = engine() as unknown as {
    addTapeNode: (...args: unknown[]) => void
    state: { activeTape: { gradient?: Gradient }[] }
  }
  const { addTapeNode } = target
  target.addTapeNode = (...args) => {
    const scopes = scopeNames()
    if (forward) scopes.splice(forward.depth, 0, ...forward.names)
    addTapeNode.apply(target, args)
    const node = target.state.activeTape.at(-1)!
    const { gradient } = node
    if (!gradient) return
    node.gradient = (dys) => {
      const gradients = within(scopes, () => gradient(dys))
      return Object.fromEntries(Object.entries(gradients).map(([name, f]) => [name, () => within(scopes, f)]))
    }
  }
  return () => {
    forward = undefined
    Reflect.deleteProperty(target, 'addTapeNode') // the prototype's is back
  }
}

function within<T>(scopes: string[], f: () => T): T {
  const outer = forward
  const open = scopeNames()
  let shared = 0
  while (shared < scopes.length && scopes[shared] === open[shared]) shared++
  forward = { names: named(scopes.slice(shared)), depth: open.length }
  try {
    return f()
  } finally {
    forward = outer
  }
}

const UNNAMED = new Set(['unnamed scope', 'forward'])

function scopeNames(): string[] {
  return (engine().state as unknown as { scopeStack: { name: string }[] }).scopeStack.map(({ name }) => name)
}

/** ` in student/blocks.3, tf.matMul`, for errors. */
export function scopeText(): string {
  const op = scopeNames().findLast((name) => name.endsWith('__op'))
  const parts = [scopePath(), op && `tf.${op.slice(0, -'__op'.length)}`].filter(Boolean)
  return parts.length > 0 ? ` in ${parts.join(', ')}` : ''
}
