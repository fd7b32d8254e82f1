import { formats, HEADER_LIMIT_BYTES, type HostTensor } from './dtype.js'
import { SafetensorsError } from './error.js'

/**
 * The bytes of a safetensors file: equal to what the format's own library writes for the same tensors.
 *
 * @param tensors state-dict name -> tensor
 * @param metadata free text that travels with the weights
 * @throws SafetensorsError naming the tensor: data of another type or length than its dtype and shape say
 */
export function serializeSafetensors(
  tensors: Record<string, HostTensor>,
  metadata: Record<string, string> = {},
): Uint8Array {
  const pieces = safetensorsPieces(tensors, metadata)
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}

/** The same in pieces, header first: the data are views of the tensors, so nothing is held twice. */
export function safetensorsPieces(
  tensors: Record<string, HostTensor>,
  metadata: Record<string, string> = {},
): Uint8Array[] {
  const entries = Object.entries(tensors).map(([name, tensor]) => ({ name, tensor, format: checked(name, tensor) }))
  entries.sort((a, b) => formats.indexOf(a.format) - formats.indexOf(b.format) || byCodePoint(a.name, b.name))
  let end = 0
  const fields: [string, unknown][] = entries.map(({ name, tensor, format }) => {
    const begin = end
    end += tensor.data.byteLength
    return [name, { dtype: format.code, shape: tensor.shape, data_offsets: [begin, end] }]
  })
  return [
    encodeHeader([...metadataField(metadata), ...fields]),
    ...entries.map(({ tensor: { data } }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]
}

function checked(name: string, { dtype, shape, data }: HostTensor): (typeof formats)[number] {
  const fail = (problem: string) =>
    new SafetensorsError(`serializeSafetensors: tensor "${name}": ${problem}`, { tensor: name })
  if (name === '__metadata__') throw fail('this name is taken by the format. Rename the tensor.')
  const format = formats.find((known) => known.dtype === dtype)
  if (!format) throw fail(`expected a dtype of ${formats.map((known) => known.dtype).join(', ')}, got ${dtype}.`)
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw fail(`expected a shape of whole sizes, got [${shape}].`)
  }
  const array = Object.prototype.toString.call(data).slice(8, -1) // holds across realms, where instanceof does not
  if (array !== format.array.name) throw fail(`expected ${format.array.name} for ${dtype}, got ${array}.`)
  const expected = shape.reduce((product, size) => product * size, format.size)
  if (data.byteLength !== expected) {
    throw fail(`expected ${expected} bytes for ${dtype} of shape [${shape}], got ${data.byteLength}.`)
  }
  return format
}

function metadataField(metadata: Record<string, string>): [string, unknown][] {
  const entries = Object.entries(metadata).sort(([a], [b]) => byCodePoint(a, b))
  for (const [key, value] of entries) {
    if (typeof value !== 'string') {
      throw new SafetensorsError(
        `serializeSafetensors: expected metadata "${key}" to be a string, got ${typeof value}. Pass JSON.stringify(…).`,
      )
    }
  }
  return entries.length === 0 ? [] : [['__metadata__', Object.fromEntries(entries)]]
}

/** Length, JSON, and blanks up to a multiple of 8: so the first tensor is aligned. */
function encodeHeader(fields: [string, unknown][]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields)))
  const length = Math.ceil(json.length / 8) * 8
  if (length > HEADER_LIMIT_BYTES) {
    throw new SafetensorsError(
      `serializeSafetensors: expected a header of at most ${HEADER_LIMIT_BYTES} bytes, got ${length}. Shorten the metadata.`,
    )
  }
  const header = new Uint8Array(8 + length).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true)
  header.set(json, 8)
  return header
}

/** By UTF-8 bytes, as Rust orders strings; JavaScript's < orders by UTF-16 units. */
function byCodePoint(a: string, b: string): number {
  const left = [...a]
  const right = [...b]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
