import type { HostTensor } from '../host-tensor.js'
import { type Program, rewrite } from '../ir.js'

/** Below this many elements a constant is no larger than the Fill that would make it. */
const WORTHWHILE = 16

/** Makes constants of one value, such as the ones and zeros of gradients, when they are needed, instead of storing them. */
export function fillConstants(program: Program): Program {
  return rewrite(program, (node, builder) => {
    const value = node.attributes.value
    if (node.op !== 'Const' || value?.type !== 'tensor') return
    const element = uniform(value.value)
    if (!element) return
    const { shape } = value.value
    const dims = builder.constant({ dtype: 'int32', shape: [shape.length], data: Int32Array.from(shape) }, node.scope)
    const scalar = builder.constant({ ...value.value, shape: [], data: element }, node.scope)
    return builder.add({
      ...node,
      op: 'Fill',
      inputs: [dims, scalar],
      attributes: { T: node.attributes.dtype!, index_type: { type: 'dtype', value: 'int32' } },
    })
  })
}

/** The first element, if all others have the same bits. */
function uniform({ data }: HostTensor): ArrayBufferView | undefined {
  const array = data as unknown as Float32Array
  if (array.length < WORTHWHILE) return undefined
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const width = array.BYTES_PER_ELEMENT
  for (let i = width; i < bytes.length; i++) if (bytes[i] !== bytes[i - width]) return undefined
  return array.slice(0, 1)
}
