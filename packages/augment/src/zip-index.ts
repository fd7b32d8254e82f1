import { setImmediate } from 'node:timers/promises'
import type { ByteSource } from './byte-source.js'
import { DatasetError } from './dataset-error.js'
import { LOCAL_HEADER_BYTES, type ZipEntry } from './zip-entry.js'

/** A file in a zip file. */
export interface ZipMember {
  name: string
  /** Bytes from the start of the zip file to its local header. */
  offset: number
  /** Bytes from there that hold it and its header. */
  length: number
  zip: ZipEntry
}

const END = 0x06054b50
const END_BYTES = 22
const LOCATOR_64 = 0x07064b50
const LOCATOR_64_BYTES = 20
const END_64 = 0x06064b50
const END_64_BYTES = 56
const ENTRY = 0x02014b50
const ENTRY_BYTES = 46
const MAX_COMMENT = 65_535
const MAX_DIRECTORY = 2 ** 30
const MAX_EXTRA = 65_535
const MAX_SHRINK = 1032 // deflate makes nothing smaller than this
const IN_ZIP64 = 0xffffffff
const TURN = 4096 // entries between two turns of the event loop

/**
 * The files in a zip file, in the order of its directory: stored or deflated, zip64 too. Reads the directory alone.
 *
 * @param wanted names that matter: entries of others may be encrypted or packed in other ways
 * @throws DatasetError for what is damaged, cut short or split, and for a directory that lies
 */
export async function zipIndex(source: ByteSource, wanted: (name: string) => boolean): Promise<ZipMember[]> {
  const refuse = (reason: string) => new DatasetError(source.name, reason)
  const { count, offset: start, size } = await directoryOf(source, refuse)
  if (size > MAX_DIRECTORY) throw refuse(`its directory has ${size} bytes, more than ${MAX_DIRECTORY}`)
  const directory = await source.read(start, size)
  const view = new DataView(directory.buffer, directory.byteOffset, directory.length)

  const members: ZipMember[] = []
  const entries: { name: string; offset: number; packed: number; member?: ZipMember }[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (i % TURN === TURN - 1) await setImmediate()
    if (at + ENTRY_BYTES > size || view.getUint32(at, true) !== ENTRY)
      throw refuse(`its directory lies: it says ${count} entries and holds ${i}`)
    const flags = view.getUint16(at + 8, true)
    const method = view.getUint16(at + 10, true)
    const nameEnd = at + ENTRY_BYTES + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    const end = extraEnd + view.getUint16(at + 32, true)
    if (end > size) throw refuse(`its directory is cut short in entry ${i + 1} of ${count}`)
    const name = decodeName(directory.subarray(at + ENTRY_BYTES, nameEnd))
    const fields = {
      size: view.getUint32(at + 24, true),
      packed: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    }
    if (!readZip64(fields, view, nameEnd, extraEnd)) throw refuse(`its directory lies about the size of ${name}`)
    const { packed, offset } = fields
    const entry: (typeof entries)[number] = { name, offset, packed }
    if (!name.endsWith('/') && wanted(name)) {
      if (flags & 0x2041) throw refuse(`${name} is encrypted. Unpack it with its password and pack it without`)
      if (method !== 0 && method !== 8)
        throw refuse(`${name} is packed by method ${method}. Pack it stored or deflated, as zip does`)
      const deflated = method === 8
      if (deflated ? fields.size > packed * MAX_SHRINK : fields.size !== packed)
        throw refuse(`its directory lies about the size of ${name}: ${fields.size} bytes in ${packed}`)
      const zip = { deflated, packed, size: fields.size, crc: view.getUint32(at + 16, true) }
      entry.member = { name, offset, length: 0, zip }
      members.push(entry.member)
    }
    entries.push(entry)
    at = end
  }
  if (at + 4 <= size && view.getUint32(at, true) === ENTRY)
    throw refuse(`its directory lies: it says ${count} entries and holds more`)
  entries.sort((a, b) => a.offset - b.offset)
  for (const [i, { name, offset, packed, member }] of entries.entries()) {
    const limit = entries[i + 1]?.offset ?? start
    const least = LOCAL_HEADER_BYTES + packed
    if (offset + least > start) throw refuse(`its directory lies: ${name} would end outside of the data`)
    if (offset + least > limit) throw refuse(`its directory lies: ${name} and ${entries[i + 1]!.name} overlap`)
    if (member) member.length = Math.min(limit - offset, least + 2 * MAX_EXTRA)
  }
  return members
}

/** Where the directory lies. */
async function directoryOf(source: ByteSource, refuse: (reason: string) => DatasetError) {
  if (source.size === 0) throw refuse('it is empty')
  const from = Math.max(0, source.size - END_BYTES - MAX_COMMENT - LOCATOR_64_BYTES)
  const tail = await source.read(from, source.size - from)
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length)
  let at = tail.length - END_BYTES
  // its comment reaches to the end of the file, so that these bytes in a comment are not taken for it
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === tail.length)
  )
    at--
  if (at < 0) throw refuse('no directory at its end: it is not a zip file, or cut short')
  let count = view.getUint16(at + 10, true)
  let size = view.getUint32(at + 12, true)
  let offset = view.getUint32(at + 16, true)
  let end = from + at
  let disks = view.getUint16(at + 4, true) | view.getUint16(at + 6, true)
  if (at >= LOCATOR_64_BYTES && view.getUint32(at - LOCATOR_64_BYTES, true) === LOCATOR_64) {
    end = Number(view.getBigUint64(at - LOCATOR_64_BYTES + 8, true))
    if (end + END_64_BYTES > from + at) throw refuse('its directory lies: zip64 end outside of the file')
    const bytes = await source.read(end, END_64_BYTES)
    const end64 = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (end64.getUint32(0, true) !== END_64) throw refuse('its directory lies: there is no zip64 end where it says')
    disks = end64.getUint32(16, true) | end64.getUint32(20, true)
    count = Number(end64.getBigUint64(32, true))
    size = Number(end64.getBigUint64(40, true))
    offset = Number(end64.getBigUint64(48, true))
  }
  if (disks !== 0 && disks !== 0xffff) throw refuse('it is a part of a split zip file. Join the parts')
  if (offset + size > end) throw refuse('its directory lies: it would end outside of the file')
  if (count * ENTRY_BYTES > size) throw refuse(`its directory lies: ${count} entries in ${size} bytes`)
  return { count, offset, size }
}

/** Replaces the fields that zip64 keeps elsewhere; false where it does not. */
function readZip64(fields: Record<'size' | 'packed' | 'offset', number>, view: DataView, from: number, to: number) {
  const missing = (['size', 'packed', 'offset'] as const).filter((key) => fields[key] === IN_ZIP64)
  if (missing.length === 0) return true
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    const length = view.getUint16(at + 2, true)
    if (length < 8 * missing.length || at + 4 + length > to) return false
    for (const [i, key] of missing.entries()) fields[key] = Number(view.getBigUint64(at + 4 + 8 * i, true))
    return missing.every((key) => Number.isSafeInteger(fields[key]))
  }
  return false
}

/** UTF-8 where it is; older programs wrote bytes of some code page. */
function decodeName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return Buffer.from(bytes).toString('latin1')
  }
}
