import type { HostTensor } from '../host-tensor.js'
import { type Node, type Program, ProgramBuilder, type Ref, type TensorType } from '../ir.js'
import { isMove, isProduct, movedBy } from './bf16-rules.js'

/**
 * Multiplies in bfloat16, which processors with AMX or AVX512-BF16 and GPUs do several times as fast: products and convolutions take
 * rounded inputs, add up in float32 inside, and round what comes out. All else, and all state, stays float32.
 *
 * A product's result stays bfloat16 in memory through a bias and whatever only moves values; whoever computes with it widens it, and a
 * tensor is rounded once, as early as nothing but products needs what its values move through. A widened operand is the consumer's own, so
 * that `fuse` makes it part of the loop that reads it.
 *
 * @param softmax whether the softmax of bfloat16 adds up in float32 inside, so that one between two products needs no casts. Its gradient
 * then sees rounded probabilities, as the second product does
 */
export function toBfloat16(program: Program, { softmax = false }: { softmax?: boolean } = {}): Program {
  const builder = new ProgramBuilder()
  const values: Value[][] = [] // of each old node
  const at = ({ node, output }: Ref) => values[node]![output]!
  const typeOf = ({ node, output }: Ref) => program.nodes[node]!.outputs[output]!
  const demand = demandOf(program)

  const widened = (value: Value, scope: string): Ref => {
    if (value.kind === 'wide') return value.ref
    return cast(builder, value.narrow!, 'float32', scope)
  }
  const narrowed = (value: Value, scope: string): Ref => (value.narrow ??= cast(builder, value.ref, 'bfloat16', scope))

  const inBfloat16 = (node: Node) => {
    const inputs = node.inputs.map((ref) =>
      typeOf(ref).dtype === 'float32' ? narrowed(at(ref), program.nodes[ref.node]!.scope) : at(ref).ref,
    )
    return builder.add({ ...asBfloat16(node), inputs }).map((ref): Value => ({ kind: 'narrow', ref, narrow: ref }))
  }

  program.nodes.forEach((node, i) => {
    if (node.op === 'IdentityN') {
      const given = node.inputs.map(at)
      // What is only waited for need not be there in float32 as well.
      const inputs = node.inputs.map((ref, k) =>
        given[k]!.kind === 'wide' && demand.someProduct[ref.node] && !demand.used.has(`${i}:${k}`)
          ? narrowed(given[k]!, program.nodes[ref.node]!.scope)
          : given[k]!.ref,
      )
      const refs = builder.add({ ...node, inputs, outputs: inputs.map((ref) => builder.type(ref)) })
      values.push(refs.map((ref, k) => ({ ...given[k]!, ref, narrow: given[k]!.kind === 'narrow' ? ref : undefined })))
      return
    }
    const moved = isMove(node, program) ? movedBy(node, program) : []
    if (
      isProduct(node, program) ||
      (moved.length > 0 && (demand.onlyProducts[i] || moved.every((ref) => at(ref).kind === 'narrow'))) ||
      isBiased(node, program, demand.uses, at) ||
      (softmax && node.op === 'Softmax' && demand.someProduct[i] && at(node.inputs[0]!).kind === 'narrow')
    ) {
      values.push(inBfloat16(node))
      return
    }
    const inputs = node.inputs.map((ref) => widened(at(ref), node.scope))
    values.push(builder.add({ ...node, inputs }).map((ref): Value => ({ kind: 'wide', ref })))
  })
  const all = (refs: Readonly<Record<string, Ref>>) =>
    Object.fromEntries(
      Object.entries(refs).map(([name, ref]) => [name, widened(at(ref), program.nodes[ref.node]!.scope)]),
    )
  return { ...program, nodes: builder.nodes, outputs: all(program.outputs), updates: all(program.updates) }
}

/** What stands for an output of an old node: `narrow` values are bfloat16 and no other, `wide` ones may have a rounded copy. */
interface Value {
  kind: 'narrow' | 'wide'
  ref: Ref
  narrow?: Ref
}

function cast(builder: ProgramBuilder, ref: Ref, dtype: 'float32' | 'bfloat16', scope: string): Ref {
  const { dtype: from, shape } = builder.type(ref)
  const value = builder.nodes[ref.node]!.attributes.value
  if (dtype === 'bfloat16' && value?.type === 'tensor') return builder.constant(rounded(value.value), scope)
  return builder.add({
    op: 'Cast',
    inputs: [ref],
    attributes: {
      SrcT: { type: 'dtype', value: from },
      DstT: { type: 'dtype', value: dtype },
      Truncate: { type: 'bool', value: false },
    },
    outputs: [{ dtype, shape }],
    scope,
  })[0]!
}

/** A float32 tensor as the nearest bfloat16 values, ties to even: the upper halves of their bits. */
function rounded({ shape, data }: HostTensor): HostTensor {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4)
  const halves = Uint16Array.from(bits, (word) => {
    const notANumber = (word & 0x7fffffff) > 0x7f800000
    return notANumber ? 0x7fc0 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16
  })
  return { dtype: 'bfloat16', shape, data: halves }
}

function asBfloat16(node: Node): Node {
  const attributes = Object.entries(node.attributes).map(([name, attribute]) => [
    name,
    attribute.type === 'dtype' && attribute.value === 'float32' ? { ...attribute, value: 'bfloat16' } : attribute,
  ])
  const outputs = node.outputs.map(
    (type): TensorType => (type.dtype === 'float32' ? { ...type, dtype: 'bfloat16' } : type),
  )
  return { ...node, attributes: Object.fromEntries(attributes), outputs }
}

/** How often each node is used, and whether only products use it, or some, directly or moved. */
function demandOf(program: Program) {
  const { nodes } = program
  const uses = new Int32Array(nodes.length)
  const used = new Set<string>() // outputs
  const onlyProducts: boolean[] = nodes.map(() => true)
  const someProduct: boolean[] = nodes.map(() => false)
  for (const { node, output } of [...Object.values(program.outputs), ...Object.values(program.updates)]) {
    used.add(`${node}:${output}`)
    uses[node]!++
    onlyProducts[node] = false
  }
  for (let i = nodes.length - 1; i >= 0; i--) {
    const product = isProduct(nodes[i]!, program)
    const moves = isMove(nodes[i]!, program)
    for (const { node, output } of nodes[i]!.inputs) {
      used.add(`${node}:${output}`)
      uses[node]!++
      if (!product && !(moves && onlyProducts[i])) onlyProducts[node] = false
      if (product || (moves && someProduct[i])) someProduct[node] = true
    }
  }
  return { uses, used, someProduct, onlyProducts: onlyProducts.map((only, i) => only && uses[i]! > 0) }
}

/** A row added to a product that nobody else needs: `bias` makes it part of the product, before that rounds. */
function isBiased(
  { op, inputs, outputs }: Node,
  { nodes }: Program,
  uses: Int32Array,
  at: (ref: Ref) => Value,
): boolean {
  if ((op !== 'Add' && op !== 'AddV2') || outputs[0]!.dtype !== 'float32') return false
  const [product, bias] = inputs as [Ref, Ref]
  const { shape } = nodes[bias.node]!.outputs[bias.output]!
  return (
    nodes[product.node]!.op === 'MatMul' &&
    at(product).kind === 'narrow' &&
    uses[product.node] === 1 &&
    shape.length === 1 &&
    shape[0] === outputs[0]!.shape[1]
  )
}
