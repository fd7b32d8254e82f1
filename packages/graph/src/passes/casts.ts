import { type Program, rewrite, type TensorType } from '../ir.js'

/** Dtypes whose every value the wider ones hold. */
const WIDER: Partial<Record<TensorType['dtype'], readonly TensorType['dtype'][]>> = {
  bool: ['uint8', 'int8', 'int16', 'int32', 'int64', 'float32', 'float64'],
  uint8: ['int16', 'int32', 'int64', 'float32', 'float64'],
  int8: ['int16', 'int32', 'int64', 'float32', 'float64'],
  int16: ['int32', 'int64', 'float32', 'float64'],
  int32: ['int64', 'float64'],
  float32: ['float64'],
}

/** Drops casts that change nothing, and goes straight from uint8 to float32 where the way led through int32. */
export function fuseCasts(program: Program): Program {
  return rewrite(program, (node, builder) => {
    if (node.op !== 'Cast') return
    const to = node.outputs[0]!.dtype
    const direct = node.inputs[0]!
    if (builder.type(direct).dtype === to) return [direct]
    const inner = builder.nodes[direct.node]!
    if (inner.op !== 'Cast') return
    const source = inner.inputs[0]!
    const from = builder.type(source).dtype
    if (!WIDER[from]?.includes(inner.outputs[0]!.dtype)) return
    if (from === to) return [source]
    const attributes = { ...node.attributes, SrcT: { type: 'dtype', value: from } as const }
    return builder.add({ ...node, inputs: [source], attributes })
  })
}
