import type { HostTensor } from '../host-tensor.js'
import { type Node, type Program, type ProgramBuilder, type Ref, rewrite } from '../ir.js'

/**
 * Lets the first dimension of inputs vary from call to call (`upTo`): shapes in the program stay those of the most that a call may bring,
 * and what repeats such a length as a number, as reshapes and slices do, is told to take what is there.
 *
 * Follows the axis through the program. An op that is not known to work with any length is refused.
 */
export function letVary(program: Program): Program {
  if (!program.nodes.some(varies)) return program
  const axes = new Map<string, Axis>() // of outputs in the new program whose length varies
  return rewrite(program, (node, builder) => {
    if (varies(node)) {
      const [ref] = builder.add(node)
      axes.set(key(ref!), { axis: 0, most: node.outputs[0]!.shape[0]! })
      return [ref!]
    }
    const inputs = node.inputs.map((ref) => axes.get(key(ref)))
    if (!inputs.some(Boolean)) return undefined
    const refuse = (why: string) =>
      new Error(
        `${program.name}: ${node.op}${node.scope && ` in ${node.scope}`} ${why}. The input has a length that varies (upTo).`,
      )
    const rule = RULES[node.op] ?? (ELEMENT_WISE.test(node.op) ? elementWise : undefined)
    const followed = rule?.({ node, builder, inputs })
    if (!followed) throw refuse('is not known to work with any length')
    const { outputs, change } = followed
    const refs = builder.add(change ? { ...node, inputs: change } : node)
    refs.forEach((ref, i) => {
      const axis = outputs[i]
      if (axis) axes.set(key(ref), axis)
    })
    return refs
  })
}

/** Where an output's length varies: along one axis, where it is a multiple of what the call brings. */
interface Axis {
  axis: number
  /** What `upTo` allows. */
  most: number
}

/** What a rule sees: a node whose inputs are those of the new program, and which of these vary. */
interface Seen {
  node: Node
  builder: ProgramBuilder
  inputs: readonly (Axis | undefined)[]
}

/** The axes of a node's outputs, undefined for those that do not vary, and its inputs if these change; or that there is no telling. */
type Followed = { outputs: readonly (Axis | undefined)[]; change?: Ref[] } | undefined
type Rule = (seen: Seen) => Followed

const ELEMENT_WISE =
  /^(Abs|Add|AddV2|AddN|Cast|Elu|Equal|Erf|Exp|Greater|GreaterEqual|Identity|Less|LessEqual|Log|LogicalAnd|LogicalNot|LogicalOr|Maximum|Minimum|Mul|Neg|NotEqual|OnesLike|Pow|RealDiv|Relu|Rsqrt|Select|SelectV2|Sigmoid|Sign|Sqrt|Square|SquaredDifference|StopGradient|Sub|Tanh|ZerosLike)$/

/** The axis is the same from the right; whoever has it varies with it, or is repeated along it. */
const elementWise: Rule = ({ node, builder, inputs }) => {
  const rank = node.outputs[0]!.shape.length
  const shapes = node.inputs.map((ref) => builder.type(ref).shape)
  const aligned = inputs.map((input, i) => input && { ...input, axis: input.axis + rank - shapes[i]!.length })
  const found = aligned.find(Boolean)!
  const fits = aligned.every((input, i) =>
    input ? same(input, found) : (shapes[i]![found.axis - rank + shapes[i]!.length] ?? 1) === 1,
  )
  return fits ? { outputs: [found] } : undefined
}

const product: Rule = ({ node, builder, inputs: [a, b] }) => {
  const { attributes } = node
  const rank = node.outputs[0]!.shape.length
  const flipped = (name: string, other: string) => (attributes[name] ?? attributes[other])?.value === true
  const summedA = flipped('transpose_a', 'adj_x') ? rank - 2 : rank - 1
  const summedB = flipped('transpose_b', 'adj_y') ? rank - 1 : rank - 2
  if (node.inputs.some((ref) => builder.type(ref).shape.length !== rank)) return undefined
  if ((a?.axis === summedA) !== (b?.axis === summedB)) return undefined
  if (a?.axis === summedA) return { outputs: [undefined] }
  if (a && b) return a.axis < rank - 2 && same(a, b) ? { outputs: [a] } : undefined
  const axis = a ?? b!
  // Of a batch of products, both have to vary.
  return axis.axis < rank - 2 ? undefined : { outputs: [{ ...axis, axis: a ? rank - 2 : rank - 1 }] }
}

const reduction: Rule = ({ node, builder, inputs: [input] }) => {
  const { shape } = builder.type(node.inputs[0]!)
  const reduced = constant(node.inputs[1]!, builder)?.map((axis) => (axis + shape.length) % shape.length)
  if (!input || !reduced) return undefined
  // A mean's gradient divides by a number that was fixed when it was traced.
  if (reduced.includes(input.axis)) return node.op === 'Mean' ? undefined : { outputs: [undefined] }
  const gone = node.attributes.keep_dims?.value === true ? 0 : reduced.filter((axis) => axis < input.axis).length
  return { outputs: [{ ...input, axis: input.axis - gone }] }
}

const rowWise: Rule = ({ node, inputs: [input] }) =>
  input && input.axis < node.outputs[0]!.shape.length - 1 ? { outputs: [input] } : undefined

const RULES: Record<string, Rule> = {
  MatMul: product,
  BatchMatMulV2: product,
  Sum: reduction,
  Mean: reduction,
  Max: reduction,
  Min: reduction,
  Softmax: rowWise,
  LogSoftmax: rowWise,
  IdentityN: ({ inputs }) => ({ outputs: inputs }),

  Reshape: ({ node, builder, inputs: [input] }) => {
    const { shape } = node.outputs[0]!
    if (input?.axis !== 0 || !(shape.length > 0 && shape[0]! % input.most === 0)) return undefined
    const open = integers([-1, ...shape.slice(1)], node, builder)
    return { outputs: [input], change: [node.inputs[0]!, open] }
  },

  Transpose: ({ node, builder, inputs: [input] }) => {
    const order = constant(node.inputs[1]!, builder)
    return input && order ? { outputs: [{ ...input, axis: order.indexOf(input.axis) }] } : undefined
  },

  Pack: ({ node, inputs }) => {
    const at = Number(node.attributes.axis?.value ?? 0)
    const [first] = inputs
    if (!first || !inputs.every((input) => input && same(input, first))) return undefined
    return { outputs: [{ ...first, axis: first.axis + (first.axis >= at ? 1 : 0) }] }
  },

  Unpack: ({ node, inputs: [input] }) => {
    const at = Number(node.attributes.axis?.value ?? 0)
    if (!input || input.axis === at) return undefined
    return { outputs: node.outputs.map(() => ({ ...input, axis: input.axis - (input.axis > at ? 1 : 0) })) }
  },

  /** Rows by number: as many as there are numbers, of however many. */
  GatherV2: ({ node, builder, inputs: [table, numbers] }) => {
    const along = constant(node.inputs[2]!, builder)?.[0]
    if (along !== 0 || Number(node.attributes.batch_dims?.value ?? 0) !== 0) return undefined
    if (table && table.axis !== 0) return undefined
    return { outputs: [numbers] }
  },

  UnsortedSegmentSum: ({ inputs: [values, places] }) =>
    values?.axis === 0 && places && same(values, places) ? { outputs: [undefined] } : undefined,

  Slice: ({ node, builder, inputs: [input] }) => {
    const from = constant(node.inputs[1]!, builder)
    const sizes = constant(node.inputs[2]!, builder)
    const whole =
      input && from?.[input.axis] === 0 && sizes?.[input.axis] === builder.type(node.inputs[0]!).shape[input.axis]
    if (!whole) return undefined
    const open = integers(
      sizes!.map((size, axis) => (axis === input.axis ? -1 : size)),
      node,
      builder,
    )
    return { outputs: [input], change: [node.inputs[0]!, node.inputs[1]!, open] }
  },

  PadV2: ({ node, builder, inputs: [input] }) => {
    const widths = constant(node.inputs[1]!, builder)
    const added = input && widths && widths[2 * input.axis]! + widths[2 * input.axis + 1]!
    return input && added === 0 ? { outputs: [input] } : undefined
  },
}

function varies({ op, attributes: { shape } }: Node): boolean {
  return op === 'Placeholder' && shape?.type === 'shape' && shape.value[0] === -1
}

function same(a: Axis, b: Axis): boolean {
  return a.axis === b.axis && a.most === b.most
}

function key({ node, output }: Ref): string {
  return `${node}:${output}`
}

/** The values of a constant of integers. */
function constant(ref: Ref, { nodes }: ProgramBuilder): number[] | undefined {
  const value = nodes[ref.node]!.attributes.value
  return value?.type === 'tensor' ? Array.from(value.value.data as Int32Array) : undefined
}

function integers(values: readonly number[], { scope }: Node, builder: ProgramBuilder): Ref {
  const tensor: HostTensor = { dtype: 'int32', shape: [values.length], data: Int32Array.from(values) }
  return builder.constant(tensor, scope)
}
