import { type Program, rewrite } from '../ir.js'

/** Multiplies matrices with MatMul, which is faster than the BatchMatMulV2 that TensorFlow.js emits for any rank. */
export function useMatMul(program: Program): Program {
  return rewrite(program, (node, builder) => {
    const [a, b] = node.inputs
    const { adj_x, adj_y, T } = node.attributes
    if (node.op !== 'BatchMatMulV2' || builder.type(a!).shape.length !== 2 || builder.type(b!).shape.length !== 2)
      return
    if (builder.type(a!).dtype === 'complex64') return // adj conjugates, transpose does not
    return builder.add({ ...node, op: 'MatMul', attributes: { transpose_a: adj_x!, transpose_b: adj_y!, T: T! } })
  })
}
