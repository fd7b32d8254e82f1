import type { Dtype, HostTensor } from './host-tensor.js'

/** The type of one output of a node. complex64 exists inside a program only. */
export interface TensorType {
  readonly dtype: Dtype | 'complex64'
  readonly shape: readonly number[]
}

/** An attribute of an op, with the type that TensorFlow gives it. */
export type Attribute =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'ints'; readonly value: readonly number[] }
  | { readonly type: 'shape'; readonly value: readonly number[] }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'dtype'; readonly value: TensorType['dtype'] }
  | { readonly type: 'tensor'; readonly value: HostTensor }

/** One output of a node: the node's place in its program, and which of its outputs. */
export interface Ref {
  readonly node: number
  readonly output: number
}

/**
 * One operation. `op` is TensorFlow's name; three are ours in part: `Placeholder` is the input called `name`, `ReadVariableOp`
 * reads the variable called `name` as it was before the call, and `Fused` runs the program's function called `function`.
 */
export interface Node {
  readonly op: string
  readonly inputs: readonly Ref[]
  readonly attributes: Readonly<Record<string, Attribute>>
  readonly outputs: readonly TensorType[]
  /** Where it was traced, from the names given to tf.tidy: `backward/student/blocks.3`. */
  readonly scope: string
  /** Has effects or draws random numbers: never merged with another. */
  readonly stateful?: boolean
}

/** A traced function: nodes in an order in which each one's inputs come before it. */
export interface Program {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly outputs: Readonly<Record<string, Ref>>
  /** Variables and their next values, assigned after every read of the call. */
  readonly updates: Readonly<Record<string, Ref>>
  /** Outputs that have to be finite for the updates to be made. */
  readonly finite?: readonly string[]
  /** Bodies of `Fused` nodes by name; placeholder and output k are the node's input and output k. */
  readonly functions?: Readonly<Record<string, Program>>
}

/** Collects nodes; what a trace and every pass end in. */
export class ProgramBuilder {
  readonly nodes: Node[] = []

  add(node: Node): Ref[] {
    const index = this.nodes.push(node) - 1
    return node.outputs.map((_, output) => ({ node: index, output }))
  }

  constant(value: HostTensor, scope = ''): Ref {
    return this.add(constantNode(value, scope))[0]!
  }

  type(ref: Ref): TensorType {
    return this.nodes[ref.node]!.outputs[ref.output]!
  }
}

export function constantNode(value: HostTensor, scope = ''): Node {
  return {
    op: 'Const',
    inputs: [],
    attributes: { dtype: { type: 'dtype', value: value.dtype }, value: { type: 'tensor', value } },
    outputs: [{ dtype: value.dtype, shape: value.shape }],
    scope,
  }
}

/**
 * A program with nodes replaced. `visit` sees each node, its inputs already those of the new program, and returns the outputs that
 * stand for the node's own (after adding what it needs), or undefined to keep the node.
 */
export function rewrite(
  program: Program,
  visit: (node: Node, builder: ProgramBuilder) => readonly Ref[] | undefined,
): Program {
  const builder = new ProgramBuilder()
  const outputs: (readonly Ref[])[] = [] // of each old node, in the new program
  const moved = ({ node, output }: Ref) => outputs[node]![output]!
  for (const node of program.nodes) {
    const copy = { ...node, inputs: node.inputs.map(moved) }
    outputs.push(visit(copy, builder) ?? builder.add(copy))
  }
  return {
    ...program,
    nodes: builder.nodes,
    outputs: mapRefs(program.outputs, moved),
    updates: mapRefs(program.updates, moved),
  }
}

export function mapRefs(refs: Readonly<Record<string, Ref>>, move: (ref: Ref) => Ref): Record<string, Ref> {
  return Object.fromEntries(Object.entries(refs).map(([name, ref]) => [name, move(ref)]))
}

/** The `name` of a Placeholder or ReadVariableOp, the `function` of a Fused node. */
export function nameOf(node: Node): string {
  const name = node.attributes[node.op === 'Fused' ? 'function' : 'name']
  if (name?.type !== 'string') throw new Error(`${node.op} without a name`)
  return name.value
}
