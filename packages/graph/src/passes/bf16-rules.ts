import { sizeOf } from '../host-tensor.js'
import type { Node, Program, Ref, TensorType } from '../ir.js'

/** Below this many multiplications casts cost more than a faster product saves. */
const WORTHWHILE = 2 ** 18

/** The part of a scope's path that keeps products there as they are: tf.tidy('float32', …). */
const OPT_OUT = 'float32'

const PRODUCTS = new Set(['MatMul', 'BatchMatMulV2', 'Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'])

/** Ops whose outputs are values of their inputs in another place. Their other inputs are integers. */
const MOVES = new Set(
  (
    'BroadcastTo ConcatV2 ExpandDims GatherV2 Identity Pack Reshape ReverseV2 Slice SplitV Squeeze StridedSlice Tile ' +
    'Transpose Unpack'
  ).split(' '),
)

/**
 * Whether a node is a product that is to take bfloat16. Not small ones; not those with an operand that comes straight from integers or
 * booleans, which count or select (above 256 bfloat16 skips whole numbers); not those in a scope called `float32`.
 */
export function isProduct(node: Node, program: Program): boolean {
  if (!PRODUCTS.has(node.op) || node.outputs[0]!.dtype !== 'float32') return false
  if (multiplications(node, program) < WORTHWHILE || node.scope.split('/').includes(OPT_OUT)) return false
  return !node.inputs.some((ref) => typeOf(ref, program).dtype === 'float32' && fromIntegers(ref, program))
}

/** Whether a node gives the same result in bfloat16, if its inputs are bfloat16 values. */
export function isMove(node: Node, program: Program): boolean {
  return node.outputs.every(({ dtype }) => dtype === 'float32') && (MOVES.has(node.op) || isShift(node, program))
}

/** The inputs whose values a move gives. */
export function movedBy({ op, inputs }: Node, program: Program): Ref[] {
  return op === 'Mul' ? [inputs[0]!] : inputs.filter((ref) => typeOf(ref, program).dtype === 'float32')
}

/** A product with a power of two moves the exponent: the softmax scale of heads that are 64 or 16 wide. */
function isShift({ op, inputs, outputs }: Node, { nodes }: Program): boolean {
  if (op !== 'Mul') return false
  const factor = nodes[inputs[1]!.node]!
  const value = factor.attributes.value
  if (factor.op !== 'Const' || value?.type !== 'tensor' || sizeOf(value.value.shape) !== 1) return false
  const exponent = Math.log2(Math.abs((value.value.data as Float32Array)[0]!))
  return Number.isInteger(exponent) && Math.abs(exponent) < 16 && outputs[0]!.dtype === 'float32'
}

function multiplications({ op, inputs, outputs, attributes }: Node, program: Program): number {
  const shape = (k: number) => typeOf(inputs[k]!, program).shape
  const out = outputs[0]!.shape
  if (op === 'Conv2D') return (sizeOf(out) * sizeOf(shape(1))) / out.at(-1)!
  if (op === 'Conv2DBackpropInput') return (sizeOf(shape(2)) * sizeOf(shape(1))) / shape(2).at(-1)!
  if (op === 'Conv2DBackpropFilter') return (sizeOf(shape(2)) * sizeOf(out)) / out.at(-1)!
  const flipped = (attributes.transpose_a ?? attributes.adj_x)?.value === true
  return sizeOf(out) * shape(0).at(flipped ? -2 : -1)!
}

function fromIntegers(ref: Ref, program: Program): boolean {
  const { op, inputs } = program.nodes[ref.node]!
  if (op === 'OneHot') return true
  const source = inputs[0]
  if (op === 'Cast') return !/float/.test(typeOf(source!, program).dtype)
  return (
    MOVES.has(op) && inputs.some((input) => typeOf(input, program).dtype === 'float32' && fromIntegers(input, program))
  )
}

function typeOf({ node, output }: Ref, { nodes }: Program): TensorType {
  return nodes[node]!.outputs[output]!
}
