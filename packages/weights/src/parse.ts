import { copyOf } from './copy-of.js'
import { type Dtype, type DtypeFormat, formats, HEADER_LIMIT_BYTES, type HostTensor } from './dtype.js'
import { SafetensorsError } from './error.js'
import { repeatedKey, tooMuch } from './header-json.js'

/** The contents of a safetensors file. */
export interface Safetensors {
  /** State-dict name -> tensor, in the file's order of names. */
  tensors: Record<string, HostTensor>
  /** Free text that travels with the weights. */
  metadata: Record<string, string>
}

export interface ParseOptions {
  /** Where the bytes came from, for error messages. */
  file?: string
}

interface Entry {
  name: string
  format: DtypeFormat
  shape: number[]
  begin: number
  end: number
}

/**
 * Read a safetensors file that is in memory.
 *
 * No code in the file is run: it has a JSON header and bytes. Aligned tensors are views of `bytes`, so keep those
 * unchanged; unaligned ones are copied. Needs a little-endian machine, as every browser and Node platform of today is.
 *
 * Format: https://github.com/huggingface/safetensors#format
 *
 * @throws SafetensorsError naming the file and tensor: truncated or trailing bytes, a header that is not JSON or names
 *   a tensor twice, an unknown dtype, a shape that does not fit its bytes, holes or overlaps
 */
export function parseSafetensors(bytes: Uint8Array, { file }: ParseOptions = {}): Safetensors {
  const fail: Fail = (problem, tensor, cause) => {
    const where = tensor === undefined ? '' : ` tensor "${short(tensor)}":`
    return new SafetensorsError(`parseSafetensors:${file === undefined ? '' : ` ${file}:`}${where} ${problem}`, {
      ...(file === undefined ? {} : { file }),
      ...(tensor === undefined ? {} : { tensor }),
      cause,
    })
  }
  const { header, dataStart } = readHeader(bytes, fail)
  const { __metadata__: metadata = {}, ...rest } = header
  if (!isObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw fail('expected __metadata__ to map names to strings.')
  }
  const entries = Object.entries(rest).map(([name, entry]) => readEntry(name, entry, fail))
  checkLayout(entries, bytes.length - dataStart, fail)
  return {
    tensors: Object.fromEntries(entries.map((entry) => [entry.name, view(bytes, dataStart, entry)])),
    metadata: metadata as Record<string, string>,
  }
}

type Fail = (problem: string, tensor?: string, cause?: unknown) => SafetensorsError

function readHeader(bytes: Uint8Array, fail: Fail): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) {
    throw fail(`expected at least 8 bytes, got ${bytes.length}. Is it a safetensors file, and is it whole?`)
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true)
  if (length > HEADER_LIMIT_BYTES) {
    throw fail(
      `expected a header of at most ${HEADER_LIMIT_BYTES} bytes, got ${length}. ` +
        'The file begins like no safetensors file: is it a .pth, a .npz, an .onnx or a web page?',
    )
  }
  const dataStart = 8 + Number(length)
  if (dataStart > bytes.length) {
    throw fail(`expected a header of ${length} bytes, got ${bytes.length - 8}. The file is cut short: fetch it again.`)
  }
  let header: unknown
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, dataStart))
    const problem = tooMuch(text)
    if (problem) throw fail(`${problem} The file is made to exhaust its reader.`)
    header = JSON.parse(text)
    const twice = repeatedKey(text)
    if (twice !== undefined) throw fail(`the header names "${short(twice)}" twice: which one is meant?`)
  } catch (error) {
    if (error instanceof SafetensorsError) throw error
    throw fail('the header is not JSON. Is it a safetensors file?', undefined, error)
  }
  if (!isObject(header)) throw fail('expected the header to be a JSON object. Is it a safetensors file?')
  return { header, dataStart }
}

function readEntry(name: string, entry: unknown, fail: Fail): Entry {
  if (!isObject(entry)) throw fail('expected an object with dtype, shape and data_offsets.', name)
  const { dtype: code, shape, data_offsets: offsets } = entry
  const format = formats.find((known) => known.code === code)
  if (!format) {
    const known = formats.map((each) => each.code).join(', ')
    throw fail(`expected a dtype of ${known}, got ${short(JSON.stringify(code))}. Convert it before saving.`, name)
  }
  if (!isSizes(shape)) throw fail(`expected a shape of whole sizes, got ${short(JSON.stringify(shape))}.`, name)
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw fail(`expected two data_offsets of 0 or more, got ${short(JSON.stringify(offsets))}.`, name)
  }
  const [begin, end] = offsets as [number, number]
  const expected = shape.reduce((product, size) => product * size, format.size)
  if (end - begin !== expected) {
    throw fail(
      `expected ${expected} bytes for ${code} of shape [${short(String(shape))}], got ${end - begin} (offsets [${offsets}]). ` +
        'The header was damaged or written wrongly.',
      name,
    )
  }
  return { name, format, shape, begin, end }
}

/** The tensors must fill the bytes after the header: no hole, no overlap, nothing beyond. */
function checkLayout(entries: Entry[], available: number, fail: Fail): void {
  let filled = 0
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== filled) {
      const fault = begin < filled ? 'overlaps the one before it' : 'leaves a hole before it'
      throw fail(`expected it to begin at byte ${filled}, got ${begin}: it ${fault}.`, name)
    }
    if (end > available) {
      throw fail(
        `expected bytes ${begin} to ${end}, got ${available} bytes of data. The file is cut short: fetch it again.`,
        name,
      )
    }
    filled = end
  }
  if (filled !== available) {
    throw fail(`expected ${filled} bytes of data, got ${available}: something follows the last tensor.`)
  }
}

function view(bytes: Uint8Array, dataStart: number, { format, shape, begin, end }: Entry): HostTensor {
  const start = bytes.byteOffset + dataStart + begin
  const count = (end - begin) / format.size
  const dtype: Dtype = format.dtype
  if (start % format.size === 0) return { dtype, shape, data: new format.array(bytes.buffer, start, count) }
  const copy = copyOf(bytes, dataStart + begin, dataStart + end)
  return { dtype, shape, data: new format.array(copy.buffer, 0, count) }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** Of a text that a file decides. JSON.stringify gives undefined for what is left out. */
function short(text: string | undefined): string {
  return text !== undefined && text.length > 200 ? `${text.slice(0, 200)} …` : String(text)
}
