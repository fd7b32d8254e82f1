import { type Program, rewrite } from '../ir.js'

/** Rows of so many floats, or a multiple, start at addresses that compete for the same places of the first cache. */
const ALIASING = 512

/**
 * Multiplies matrices with MatMul, which is faster than the BatchMatMulV2 that TensorFlow.js emits for any rank. Not the gradient
 * of a weight, aᵀ b, where rows alias: there MatMul loses up to a third. May add in another order.
 */
export function useMatMul(program: Program): Program {
  return rewrite(program, (node, builder) => {
    const [a, b] = node.inputs
    const { adj_x, adj_y, T } = node.attributes
    if (node.op !== 'BatchMatMulV2' || builder.type(a!).shape.length !== 2 || builder.type(b!).shape.length !== 2)
      return
    if (adj_x?.value === true && [a!, b!].some((matrix) => builder.type(matrix).shape[1]! % ALIASING === 0)) return
    if (builder.type(a!).dtype === 'complex64') return // adj conjugates, transpose does not
    return builder.add({ ...node, op: 'MatMul', attributes: { transpose_a: adj_x!, transpose_b: adj_y!, T: T! } })
  })
}
