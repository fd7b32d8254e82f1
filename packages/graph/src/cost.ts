import { type Dtype, sizeOf } from './host-tensor.js'
import type { Node, Program, Ref, TensorType } from './ir.js'

/** What a call of a program takes, read off the program: no machine is asked. */
export interface ProgramCost {
  /** Floating point operations of products: two for each multiplication and addition. */
  flops: number
  /** Bytes that all nodes read and write. */
  bytes: number
  /** Bytes of tensors that are alive together, at most, without variables and their new values' own memory. */
  peakBytes: number
}

/** Nodes whose output is their first input's memory. */
const VIEWS = new Set(['Reshape', 'Identity', 'ExpandDims', 'Squeeze', 'StopGradient'])

/** The cost of a program whose nodes run one after another as they stand. TensorFlow may run some side by side. */
export function programCost(program: Program): ProgramCost {
  const { nodes } = program
  let flops = 0
  let bytes = 0
  for (const node of nodes) {
    flops += productFlops(node, nodes)
    if (VIEWS.has(node.op) || isSource(node) || node.op === 'IdentityN') continue
    for (const ref of node.inputs) bytes += bytesOf(typeOf(nodes, ref))
    for (const type of node.outputs) bytes += bytesOf(type)
  }
  return { flops, bytes, peakBytes: peakBytes(program) }
}

function productFlops({ op, inputs, outputs, attributes }: Node, nodes: readonly Node[]): number {
  if (!op.includes('MatMul') && !/^Conv2D(Backprop(Input|Filter))?$/.test(op)) return 0
  const [a, b, c] = inputs
  const out = outputs[0]
  if (!a || !b || !out) return 0
  const shape = typeOf(nodes, a).shape
  if (op.startsWith('Conv2D')) {
    // All three multiply each value on the convolution's far side with each of a kernel's.
    const [height, width, channels] = op === 'Conv2DBackpropFilter' ? out.shape : typeOf(nodes, b).shape
    return 2 * sizeOf(c ? typeOf(nodes, c).shape : out.shape) * height! * width! * channels!
  }
  const flipped = (attributes.transpose_a ?? attributes.adj_x)?.value === true
  return 2 * sizeOf(out.shape) * shape[shape.length - (flipped ? 2 : 1)]!
}

/**
 * Memory by live ranges: an output lives from its node to the last node that needs it. Element by element, a node may write over an
 * input that nobody else needs, as TensorFlow's kernels do.
 */
function peakBytes({ nodes, outputs, updates }: Program): number {
  // The node whose memory a tensor is: its own, or further up through views.
  const owner = new Map<string, string>()
  const key = ({ node, output }: Ref) => `${node}:${output}`
  const resolve = (ref: Ref) => owner.get(key(ref)) ?? key(ref)
  nodes.forEach((node, i) => {
    if (VIEWS.has(node.op) && node.inputs[0]) owner.set(`${i}:0`, resolve(node.inputs[0]))
    else if (node.op === 'IdentityN') for (const [k, ref] of node.inputs.entries()) owner.set(`${i}:${k}`, resolve(ref))
  })
  const last = new Map<string, number>()
  nodes.forEach((node, i) => {
    for (const ref of node.inputs) last.set(resolve(ref), i)
  })
  // A result is alive until the call ends, an update until it is assigned: TensorFlow hands its memory to the variable.
  for (const ref of [...Object.values(outputs), ...Object.values(updates)]) last.set(resolve(ref), nodes.length)
  const ends = new Map<number, number>() // node -> bytes that are free after it
  let alive = 0
  let peak = 0
  nodes.forEach((node, i) => {
    let dying = 0
    node.outputs.forEach((type, output) => {
      const name = `${i}:${output}`
      if (owner.has(name) || isVariable(node)) return
      const size = bytesOf(type)
      alive += size
      const end = last.get(name) ?? i
      ends.set(end, (ends.get(end) ?? 0) + size)
      if (end === i) dying += size
    })
    const own = node.outputs[0] ? bytesOf(node.outputs[0]) : 0
    const freed = ends.get(i) ?? 0
    const reused = ELEMENT_WISE.test(node.op) ? Math.min(own, freed - dying) : 0
    peak = Math.max(peak, alive - reused)
    alive -= freed
  })
  return peak
}

const ELEMENT_WISE =
  /^(Add|AddV2|AddN|Sub|Mul|RealDiv|Maximum|Minimum|Exp|Log|Sqrt|Rsqrt|Square|Tanh|Erf|Neg|BiasAdd|Relu|Softmax|Select.*|Greater.*|Fused)$/

function isSource({ op }: Node): boolean {
  return op === 'Const' || op === 'Placeholder' || op === 'ReadVariableOp' || op === 'VarHandleOp'
}

function isVariable({ op }: Node): boolean {
  return op === 'ReadVariableOp' || op === 'VarHandleOp'
}

function typeOf(nodes: readonly Node[], { node, output }: Ref): TensorType {
  return nodes[node]!.outputs[output]!
}

const WIDE: Partial<Record<Dtype | 'complex64', number>> = {
  complex64: 8,
  float64: 8,
  int64: 8,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint8: 1,
  int8: 1,
  bool: 1,
}

function bytesOf({ dtype, shape }: TensorType): number {
  return sizeOf(shape) * (WIDE[dtype] ?? 4)
}
