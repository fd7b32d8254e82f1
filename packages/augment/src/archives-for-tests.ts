// Archives for the tests, as small as can be: what Python writes is in archive-cases.json.
import { deflateRawSync } from 'node:zlib'
import { slowCrc32 } from './zip-entry.js'

export type Files = readonly (readonly [name: string, content: Uint8Array | string])[]

/** A ustar file. */
export function tarOf(files: Files): Buffer {
  const parts = files.flatMap(([name, content]) => {
    const data = Buffer.from(content)
    return [tarHeader(name, data.length), data, Buffer.alloc((512 - (data.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

export function tarHeader(name: string, size: number | string, type = '0'): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write(typeof size === 'string' ? size : `${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write(`        ${type}`, 148)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((a, b) => a + b, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** What a directory may say wrongly of an entry. */
export interface Lie {
  offset?: number
  size?: number
  packed?: number
  crc?: number
  flags?: number
  method?: number
}

/** A zip file; `lies` go over what its directory says of an entry. */
export function zipOf(
  files: Files,
  {
    deflate = false,
    lies = {},
    count = files.length,
  }: { deflate?: boolean; lies?: Record<string, Lie>; count?: number } = {},
): Buffer {
  const body: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, content] of files) {
    const data = Buffer.from(content)
    const packed = deflate ? deflateRawSync(data) : data
    const lie = lies[name] ?? {}
    const common = (told: Lie) => {
      const fields = Buffer.alloc(26)
      fields.writeUInt16LE(20, 0)
      fields.writeUInt16LE(told.flags ?? 0x800, 2)
      fields.writeUInt16LE(told.method ?? (deflate ? 8 : 0), 4)
      fields.writeUInt32LE(told.crc ?? slowCrc32(data), 10)
      fields.writeUInt32LE(told.packed ?? packed.length, 14)
      fields.writeUInt32LE(told.size ?? data.length, 18)
      fields.writeUInt16LE(Buffer.byteLength(name), 22)
      return fields
    }
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common({}), Buffer.from(name), packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(lie.offset ?? at, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00'), common(lie), rest, Buffer.from(name))
    body.push(local)
    at += local.length
  }
  const entries = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(entries.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...body, entries, end])
}
