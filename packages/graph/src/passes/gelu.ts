import { type Node, type Program, type ProgramBuilder, type Ref, rewrite } from '../ir.js'

/**
 * Computes a GELU inside the product before it, as oneDNN does, which saves two passes over memory: x Φ(x) of a product with a bias, if
 * nothing else needs x. A gradient does, so that this is for networks that only run.
 */
export function useGelu(program: Program): Program {
  const found = findGelus(program)
  if (found.size === 0) return program
  const copies: Node[] = [] // of old nodes, in the new program
  const narrow = new Map<number, Ref>() // what was widened, by the place of the Cast in the new program
  return rewrite(program, (node, builder) => {
    const product = copies[found.get(copies.push(node) - 1) ?? -1]
    if (product) {
      const [ref] = builder.add({ ...product, attributes: { ...product.attributes, fused_ops: FUSED_OPS } })
      if (product.outputs[0]!.dtype === 'float32') return [ref!]
      const [wide] = builder.add(widening(ref!, node, builder))
      narrow.set(wide!.node, ref!)
      return [wide!]
    }
    if (node.op === 'Cast' && node.outputs[0]!.dtype === 'bfloat16') {
      const ref = narrow.get(node.inputs[0]!.node)
      return ref && [ref]
    }
    return undefined
  })
}

const FUSED_OPS = { type: 'strings', value: ['BiasAdd', 'GeluExact'] } as const

function widening(ref: Ref, { outputs, scope }: Node, builder: ProgramBuilder): Node {
  const attributes = {
    SrcT: { type: 'dtype', value: builder.type(ref).dtype },
    DstT: { type: 'dtype', value: 'float32' },
    Truncate: { type: 'bool', value: false },
  } as const
  return { op: 'Cast', inputs: [ref], attributes, outputs, scope }
}

/** The last multiplication of each GELU, and the product with a bias that it is of. */
function findGelus(program: Program): Map<number, number> {
  const { nodes } = program
  const users: number[][] = nodes.map(() => [])
  nodes.forEach(({ inputs }, i) => {
    for (const { node } of inputs) users[node]!.push(i)
  })
  const kept = new Set([...Object.values(program.outputs), ...Object.values(program.updates)].map(({ node }) => node))
  const found = new Map<number, number>()
  nodes.forEach((_, i) => {
    const inside = geluOf(nodes, i)
    if (!inside) return
    const members = new Set([i, ...inside.members])
    if (inside.members.every((member) => !kept.has(member) && users[member]!.every((user) => members.has(user)))) {
      found.set(i, inside.product)
    }
  })
  return found
}

/** x · (erf(x / √2) / 2 + ½), the last multiplication being `last`, and x a product with a bias, perhaps widened. */
function geluOf(nodes: readonly Node[], last: number): { product: number; members: number[] } | undefined {
  const members: number[] = []
  /** The other operand of `op` with a constant. */
  const without = (place: number | undefined, ops: readonly string[], constant: number): number | undefined => {
    const node = nodes[place ?? -1]
    if (place === undefined || !node || !ops.includes(node.op)) return undefined
    members.push(place)
    const [a, b] = node.inputs.map((ref) => ref.node)
    if (isConstant(nodes[b!]!, constant)) return a
    return isConstant(nodes[a!]!, constant) ? b : undefined
  }
  const source = (place: number | undefined): number | undefined => {
    const node = nodes[place ?? -1]
    if (node?.op !== 'Cast') return place
    members.push(place!)
    return node.inputs[0]!.node
  }
  const { op, inputs } = nodes[last]!
  if (op !== 'Mul' || inputs.length !== 2) return undefined
  for (const [x, phi] of [inputs, [...inputs].reverse()] as [Ref, Ref][]) {
    members.length = 0
    const erf = without(without(phi.node, ['Add', 'AddV2'], 0.5), ['Mul'], 0.5)
    if (nodes[erf ?? -1]?.op !== 'Erf') continue
    members.push(erf!)
    const inner = source(without(nodes[erf!]!.inputs[0]!.node, ['Mul'], Math.SQRT1_2))
    const product = source(x.node)
    if (product === undefined || inner !== product || !hasBiasAlone(nodes[product]!)) continue
    return { product, members: [...members, product] }
  }
  return undefined
}

function hasBiasAlone({ op, attributes }: Node): boolean {
  const ops = attributes.fused_ops
  return op === '_FusedMatMul' && ops?.type === 'strings' && ops.value.join() === 'BiasAdd'
}

function isConstant({ op, attributes }: Node, expected: number): boolean {
  const { value } = attributes
  if (op !== 'Const' || value?.type !== 'tensor' || value.value.dtype !== 'float32') return false
  const data = value.value.data as Float32Array
  return data.length === 1 && data[0] === Math.fround(expected)
}
