import type { Fail } from './pickle-globals.js'

/** Where the bytes of a file in a zip archive lie. */
export interface ZipEntry {
  offset: number
  size: number
}

const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
const END_SIZE = 22
const LONGEST_COMMENT = 65_535
const UNKNOWN_32 = 0xffffffff
const MOST_ENTRIES = 1_000_000

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === LOCAL
}

/**
 * The files of a zip archive whose files are stored as they are, as PyTorch stores them (a compressed one is refused: nothing grows
 * when it is read). No two may share bytes, and all have to lie within the archive.
 *
 * Format: APPNOTE.TXT 6.3, sections 4.3 and 4.5.3.
 */
export function zipIndex(bytes: Uint8Array, fail: Fail): Map<string, ZipEntry> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const cut = 'The file is cut short or damaged: fetch it again.'
  const within = (offset: number, length: number, what: string) => {
    if (offset < 0 || length < 0 || offset + length > bytes.length)
      throw fail(`${what} lies outside of the file. ${cut}`)
    return offset
  }
  const size64 = (offset: number) => Number(view.getBigUint64(within(offset, 8, 'A size'), true))
  const { count, start, length } = directory()
  if (count > MOST_ENTRIES) throw fail(`expected at most ${MOST_ENTRIES} files in the archive, got ${count}.`)

  const files = new Map<string, ZipEntry>()
  const ranges: [number, number, string][] = []
  let at = within(start, length, 'The list of files')
  const listEnd = start + length
  for (let i = 0; i < count; i++) {
    if (at + 46 > listEnd || view.getUint32(at, true) !== ENTRY)
      throw fail(`expected ${count} files in the archive, got ${i}. ${cut}`)
    const flags = view.getUint16(at + 8, true)
    const method = view.getUint16(at + 10, true)
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ]
    const next = at + 46 + nameLength + extraLength + commentLength
    if (next > listEnd) throw fail(`The list of files is longer than it says. ${cut}`)
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength))
    if (flags & 1) throw fail(`${name} is encrypted.`)
    if (method !== 0)
      throw fail(
        `${name} is compressed, and PyTorch compresses nothing. Was the file zipped again? Save it with torch.save.`,
      )
    const sizes = [24, 20, 42].map((field) => view.getUint32(at + field, true)) as [number, number, number]
    const [size, stored, header] = zip64(sizes, at + 46 + nameLength, extraLength)
    if (size !== stored) throw fail(`${name}: expected ${size} bytes, ${stored} are stored. ${cut}`)
    within(header, 30, name)
    if (view.getUint32(header, true) !== LOCAL) throw fail(`${name} is not where the list of files says. ${cut}`)
    const offset = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true)
    within(offset, size, name)
    if (offset + size > start) throw fail(`${name} runs into the list of files. ${cut}`)
    if (files.has(name)) throw fail(`there are two files called ${name}: which one is meant?`)
    files.set(name, { offset, size })
    ranges.push([header, offset + size, name])
    at = next
  }
  ranges.sort((a, b) => a[0] - b[0])
  for (let i = 1; i < ranges.length; i++) {
    if (ranges[i]![0] < ranges[i - 1]![1]) throw fail(`${ranges[i]![2]} and ${ranges[i - 1]![2]} share bytes. ${cut}`)
  }
  return files

  function directory() {
    const end = findEnd()
    const plain = {
      count: view.getUint16(end + 10, true),
      length: view.getUint32(end + 12, true),
      start: view.getUint32(end + 16, true),
    }
    const locator = end - 20
    if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64) return plain
    const large = within(size64(locator + 8), 56, 'The list of files')
    if (view.getUint32(large, true) !== END_64) throw fail(`The list of files is not where the archive says. ${cut}`)
    return { count: size64(large + 32), length: size64(large + 40), start: size64(large + 48) }
  }

  function findEnd(): number {
    const first = Math.max(0, bytes.length - END_SIZE - LONGEST_COMMENT)
    for (let at = bytes.length - END_SIZE; at >= first; at--) {
      if (view.getUint32(at, true) !== END) continue
      if (at + END_SIZE + view.getUint16(at + 20, true) === bytes.length) return at
    }
    throw fail(`expected a zip archive to end in its list of files, there is none. ${cut}`)
  }

  /** Sizes of 4 GB and more stand in the extra field, those that are meant, in this order. */
  function zip64(sizes: [number, number, number], extra: number, length: number): [number, number, number] {
    for (let at = extra; at + 4 <= extra + length; ) {
      const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)]
      if (id === 1) {
        let field = at + 4
        return sizes.map((value) => {
          if (value !== UNKNOWN_32) return value
          if (field + 8 > Math.min(at + 4 + size, extra + length))
            throw fail(`A size is missing in the list of files. ${cut}`)
          field += 8
          return size64(field - 8)
        }) as [number, number, number]
      }
      at += 4 + size
    }
    return sizes
  }
}
