import { copyOf } from './copy-of.js'
import { type Dtype, type DtypeFormat, formats, type HostTensor } from './dtype.js'

/** A file that is no NumPy array, or one that is not read here. */
export class NpyError extends Error {
  override name = 'NpyError'
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] // \x93NUMPY
/** The header's end, and so the data's start, is a multiple of this. */
const ALIGNMENT = 64

// biome-ignore format: a table
const CODES: Partial<Record<Dtype, string>> = {
  float64: '<f8', float32: '<f4', float16: '<f2', int64: '<i8', int32: '<i4', int16: '<i2', int8: '|i1', uint8: '|u1', bool: '|b1',
}

/**
 * The bytes of a .npy file: what `numpy.save` writes for the same array.
 *
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0
 *
 * @throws NpyError for bfloat16, which NumPy lacks, and for data that do not fit dtype and shape
 */
export function serializeNpy(tensor: HostTensor): Uint8Array {
  const pieces = npyPieces(tensor)
  const bytes = new Uint8Array(pieces[0].length + pieces[1].length)
  bytes.set(pieces[0])
  bytes.set(pieces[1], pieces[0].length)
  return bytes
}

/** The same as header and data: a view of the tensor, so that nothing is held twice. */
export function npyPieces({ dtype, shape, data }: HostTensor): [Uint8Array, Uint8Array] {
  const code = CODES[dtype]
  const format = formats.find((known) => known.dtype === dtype)
  if (code === undefined || !format) throw new NpyError(`serializeNpy: NumPy has no ${dtype}. Save it as float32.`)
  const expected = bytesOf(shape, format)
  if (data.byteLength !== expected) {
    throw new NpyError(`serializeNpy: expected ${expected} bytes for ${dtype} of [${shape}], got ${data.byteLength}.`)
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${code}', 'fortran_order': False, 'shape': (${sizes}), }`
  const length = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT - 10
  const header = new Uint8Array(10 + length).fill(0x20)
  header.set([...MAGIC, 1, 0, length & 255, length >> 8])
  header.set(new TextEncoder().encode(text), 10)
  header[header.length - 1] = 0x0a
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
}

/**
 * Reads a .npy file that is in memory. Aligned data are a view of `bytes`, so keep those unchanged.
 *
 * @param options.file where the bytes came from, for errors
 * @throws NpyError for other files, Python objects, Fortran's order, big-endian and complex numbers, and a length that does not fit
 */
export function parseNpy(bytes: Uint8Array, { file }: { file?: string } = {}): HostTensor {
  const fail = (problem: string) => new NpyError(`parseNpy:${file === undefined ? '' : ` ${file}:`} ${problem}`)
  if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
    throw fail('expected a .npy file, which begins with \\x93NUMPY.')
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const wide = bytes[6]! >= 2 // version 2 has a length of four bytes
  const start = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true))
  if (start > bytes.length) throw fail('its header is cut short.')
  const header = new TextDecoder('latin1').decode(bytes.subarray(wide ? 12 : 10, start))
  const code = /'descr':\s*'([^']*)'/.exec(header)?.[1]
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1]
  const sizes = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1]
  if (code === undefined || order === undefined || sizes === undefined) {
    throw fail(`expected a header with descr, fortran_order and shape, got ${JSON.stringify(header.slice(0, 80))}.`)
  }
  const format = formats.find(({ dtype }) => CODES[dtype] === code)
  if (!format) throw fail(`expected numbers of ${Object.values(CODES).join(', ')}, got ${code}. Save it as float32.`)
  const shape = (sizes.match(/\d+/g) ?? []).map(Number)
  if (order === 'True' && shape.filter((size) => size > 1).length > 1) {
    throw fail("expected an array in C order, got Fortran's. Save it through numpy.ascontiguousarray.")
  }
  const expected = bytesOf(shape, format)
  if (bytes.length - start !== expected) {
    throw fail(`expected ${expected} bytes for ${code} of [${shape}], got ${bytes.length - start}.`)
  }
  const raw = bytes.subarray(start)
  const data = raw.byteOffset % format.size === 0 ? raw : copyOf(raw)
  return { dtype: format.dtype, shape, data: new format.array(data.buffer, data.byteOffset, expected / format.size) }
}

function bytesOf(shape: readonly number[], { size }: DtypeFormat): number {
  return shape.reduce((product, each) => product * each, size)
}
