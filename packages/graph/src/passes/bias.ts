import { type Node, type Program, type Ref, rewrite } from '../ir.js'

/** Adds a bias inside the product before it, which saves a pass over memory. May round the last bit otherwise. */
export function useBias(program: Program): Program {
  const uses = countUses(program)
  const places = new Map<Node, number>() // of products, by their copies in the new program
  let place = 0
  return rewrite(program, (node, builder) => {
    const old = place++
    if (node.op === 'MatMul') places.set(node, old)
    if (node.op !== 'Add' && node.op !== 'AddV2') return
    const [product, bias] = node.inputs as [Ref, Ref]
    const matMul = builder.nodes[product.node]!
    if (matMul.op !== 'MatMul' || uses[places.get(matMul)!] !== 1) return
    const { dtype, shape } = builder.type(product)
    // With weights that may change, oneDNN takes three times as long for this in bfloat16 as for the product alone.
    const isFast =
      dtype === 'float32' || (dtype === 'bfloat16' && builder.nodes[matMul.inputs[1]!.node]!.op === 'Const')
    if (!isFast || !isRow(shape, builder.type(bias).shape)) return
    const { transpose_a, transpose_b, T } = matMul.attributes
    return builder.add({
      ...node,
      op: '_FusedMatMul',
      inputs: [...matMul.inputs, bias],
      attributes: { transpose_a: transpose_a!, transpose_b: transpose_b!, T: T!, fused_ops: FUSED_OPS },
    })
  })
}

const FUSED_OPS = { type: 'strings', value: ['BiasAdd'] } as const

function isRow(product: readonly number[], bias: readonly number[]): boolean {
  return bias.length === 1 && bias[0] === product[1]
}

function countUses({ nodes, outputs, updates }: Program): Int32Array {
  const uses = new Int32Array(nodes.length)
  for (const { inputs } of nodes) for (const { node } of inputs) uses[node]!++
  for (const { node } of [...Object.values(outputs), ...Object.values(updates)]) uses[node]!++
  return uses
}
