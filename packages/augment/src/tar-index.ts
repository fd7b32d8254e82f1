import { setImmediate } from 'node:timers/promises'
import type { ByteSource } from './byte-source.js'
import { DatasetError } from './dataset-error.js'

/** A file in a tar file. */
export interface TarMember {
  name: string
  /** Bytes from the start of the tar file. */
  offset: number
  length: number
}

const BLOCK = 512
const MAX_NOTE = 2 ** 20 // bytes of a long name or of pax records
const TURN = 4096 // members between two turns of the event loop

/**
 * The files in a tar file, in their order: ustar, pax, and GNU tar's long names. Reads the headers alone.
 *
 * @throws DatasetError for what is compressed, damaged, cut short or sparse
 */
export async function tarIndex(source: ByteSource): Promise<TarMember[]> {
  const refuse = (reason: string) => new DatasetError(source.name, reason)
  const note = async (offset: number, length: number) => {
    if (length > MAX_NOTE) throw refuse(`a header of ${length} bytes at byte ${offset}: it is damaged`)
    return source.read(offset, length)
  }
  const members: TarMember[] = []
  let next: Header = {} // what an extra header says of the member after it
  for (let at = 0, blocks = 0; ; blocks++) {
    if (blocks % TURN === TURN - 1) await setImmediate()
    if (at + BLOCK > source.size) throw refuse(cutShort(at, source.size))
    const block = await source.read(at, BLOCK)
    if (block.every((byte) => byte === 0)) return members
    if (!checksumFits(block)) throw refuse(whatElse(block, at))
    const type = String.fromCharCode(block[156]!)
    const length = (isFile(type) ? next.size : undefined) ?? number(block, 124, 12)
    const offset = at + BLOCK
    const end = offset + Math.ceil(length / BLOCK) * BLOCK
    if (!Number.isSafeInteger(end) || length < 0) throw refuse(`a size that is none at byte ${at}: it is damaged`)
    const hasData = !'123456'.includes(type)
    if (type === 'x') next = { ...next, ...paxRecords(await note(offset, length)) }
    else if (type === 'L') next = { ...next, name: text(await note(offset, length)) }
    else if (type !== 'K' && type !== 'g') {
      const name = next.name ?? nameIn(block)
      if (hasData && offset + length > source.size)
        throw refuse(`it is cut short: ${name} ends at byte ${offset + length}, the file has ${source.size}`)
      if (type === 'S' || next.sparse) throw refuse(`${name} is stored sparsely. Pack it without --sparse`)
      if (isFile(type) && !name.endsWith('/')) members.push({ name, offset, length })
      next = {}
    }
    at = hasData ? end : offset
  }
}

interface Header {
  name?: string
  size?: number
  sparse?: boolean
}

function isFile(type: string): boolean {
  return type === '0' || type === '\0' || type === '7' || type === 'S'
}

function nameIn(block: Uint8Array): string {
  const name = text(block.subarray(0, 100))
  const ustar = text(block.subarray(257, 263)) === 'ustar' && block[262] === 0 // GNU tar keeps other things there
  const prefix = ustar ? text(block.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Octal digits or, with the top bit set, a big-endian number. */
function number(block: Uint8Array, from: number, length: number): number {
  const field = block.subarray(from, from + length)
  if (field[0]! & 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, field[0]! & 0x7f)
  const digits = text(field).trim()
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN
}

/** The sum of the header's bytes, its own eight as spaces. */
function checksumFits(block: Uint8Array): boolean {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!
  return sum === number(block, 148, 8)
}

/** Records of pax: "<length> <key>=<value>\n". */
function paxRecords(bytes: Uint8Array): Header {
  const header: Header = {}
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at)
    const length = Number(text(bytes.subarray(at, Math.max(space, at))))
    if (space < 0 || !Number.isInteger(length) || length <= space - at || at + length > bytes.length) break
    const record = text(bytes.subarray(space + 1, at + length - 1))
    const equals = record.indexOf('=')
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)]
    if (key === 'path') header.name = value
    if (key === 'size') header.size = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (key.startsWith('GNU.sparse.')) header.sparse = true
    at += length
  }
  return header
}

/** UTF-8 up to the first zero byte. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

function cutShort(at: number, size: number): string {
  if (size === 0) return 'it is empty'
  return `it is cut short: the next header would be at byte ${at}, the file has ${size} and no end mark`
}

function whatElse(block: Uint8Array, at: number): string {
  if (at > 0) return `no tar header at byte ${at}: it is damaged`
  const begins = (...bytes: number[]) => bytes.every((byte, i) => block[i] === byte)
  if (begins(0x1f, 0x8b) || begins(0x28, 0xb5, 0x2f, 0xfd) || begins(0x42, 0x5a, 0x68) || begins(0xfd, 0x37, 0x7a))
    return COMPRESSED
  if (begins(0x50, 0x4b)) return 'it is a zip file. Name it .zip'
  return 'it is not a tar file'
}

export const COMPRESSED = 'a compressed tar file has no places to read from. Decompress it: images do not shrink anyway'
