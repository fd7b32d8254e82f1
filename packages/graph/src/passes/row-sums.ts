import { type Attribute, constantNode, type Node, type ProgramBuilder, type Ref } from '../ir.js'

/** Numbers that are summed side by side: what a vector unit holds. */
const LANES = 16
/** Shorter rows are not worth two steps. */
const LEAST = 4 * LANES

/** Whether a node sums up the rows of a float32 matrix (or takes their mean) that {@link addRowSum} sums faster. */
export function isRowSum({ op, inputs, outputs }: Node, nodes: readonly Node[]): boolean {
  if ((op !== 'Sum' && op !== 'Mean') || outputs[0]!.dtype !== 'float32') return false
  const [matrix, axes] = inputs as [Ref, Ref]
  const { shape } = nodes[matrix.node]!.outputs[matrix.output]!
  const value = nodes[axes.node]!.attributes.value
  if (shape.length !== 2 || value?.type !== 'tensor' || value.value.shape.length > 1) return false
  const axis = Array.from(value.value.data as Int32Array)
  return axis.length === 1 && (axis[0] === 1 || axis[0] === -1) && shape[1]! >= LEAST && shape[1]! % LANES === 0
}

/** What {@link addRowSum} takes as its barrier. */
export const BARRIER = constantNode({ dtype: 'float32', shape: [], data: Float32Array.of(Number.NEGATIVE_INFINITY) })

/**
 * Sums rows as XLA does well: XLA adds the numbers of a row one after another, since another order would round otherwise, but sums that
 * lie side by side it adds in vectors. So a row becomes columns of 16, which are summed, then their sums. XLA would take both steps for
 * one again, were there not a maximum in between with a number that it does not know: -∞.
 *
 * @param matrix [rows, n]
 * @param barrier {@link BARRIER}, as an input of the function
 */
export function addRowSum(node: Node, matrix: Ref, barrier: Ref, builder: ProgramBuilder): Ref {
  const { shape } = builder.type(matrix)
  const [rows, n] = shape as [number, number]
  const { scope } = node
  const T: Attribute = { type: 'dtype', value: 'float32' }
  const add = (op: string, inputs: Ref[], shape: readonly number[], attributes: Record<string, Attribute> = { T }) =>
    builder.add({ op, inputs, attributes, outputs: [{ dtype: 'float32', shape }], scope })[0]!
  const integers = (...values: number[]) =>
    builder.constant({ dtype: 'int32', shape: [values.length], data: Int32Array.from(values) }, scope)
  const keepDims: Attribute = node.attributes.keep_dims ?? { type: 'bool', value: false }

  const columns = add('Reshape', [matrix, integers(-1, n / LANES, LANES)], [rows, n / LANES, LANES])
  const sums = add('Sum', [columns, integers(1)], [rows, LANES], { T, keep_dims: { type: 'bool', value: false } })
  const apart = add('Maximum', [sums, barrier], [rows, LANES])
  const { shape: result } = node.outputs[0]!
  const sum = add('Sum', [apart, integers(1)], result, { T, keep_dims: keepDims })
  if (node.op === 'Sum') return sum
  const share = builder.constant({ dtype: 'float32', shape: [], data: Float32Array.of(1 / n) }, scope)
  return add('Mul', [sum, share], result)
}
