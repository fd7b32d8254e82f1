import { sizeOf } from '../host-tensor.js'
import { type Program, rewrite } from '../ir.js'

/** Below this many elements nothing is gained. */
const WORTHWHILE = 2048

/** Sums the columns of matrices with BiasAddGrad, three times as fast as Sum. Adds in another order. */
export function sumColumns(program: Program): Program {
  return rewrite(program, (node, builder) => {
    if (node.op !== 'Sum' || node.attributes.keep_dims?.value === true) return
    const [matrix, axes] = node.inputs
    const { shape, dtype } = builder.type(matrix!)
    if (dtype !== 'float32' || shape.length !== 2 || sizeOf(shape) < WORTHWHILE) return
    const value = builder.nodes[axes!.node]!.attributes.value
    if (value?.type !== 'tensor' || String(value.value.data) !== '0') return
    return builder.add({ ...node, op: 'BiasAddGrad', inputs: [matrix!], attributes: { T: node.attributes.T! } })
  })
}
