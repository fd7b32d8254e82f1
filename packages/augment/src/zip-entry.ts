import * as zlib from 'node:zlib'

/** How an entry of a zip file is packed; its bytes begin with a local header. */
export interface ZipEntry {
  deflated: boolean
  /** Bytes as packed. */
  packed: number
  /** Bytes unpacked. */
  size: number
  /** CRC-32 of them. */
  crc: number
}

export const LOCAL_HEADER_BYTES = 30
const LOCAL_HEADER = 0x04034b50
const ENCRYPTED = 1

/**
 * The content of an entry.
 *
 * @param bytes from its local header on, longer than it where the next entry does not follow at once
 * @throws Error with the reason, if it is not what the directory says
 */
export function unpackEntry(bytes: Uint8Array, { deflated, packed, size, crc }: ZipEntry): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < LOCAL_HEADER_BYTES || view.getUint32(0, true) !== LOCAL_HEADER)
    throw new Error('the directory of the zip file lies: there is no entry where it says')
  if (view.getUint16(6, true) & ENCRYPTED) throw new Error('it is encrypted')
  const start = LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true)
  if (start + packed > bytes.length) throw new Error('the directory of the zip file lies about its size')
  const data = bytes.subarray(start, start + packed)
  const content = deflated ? inflate(data, size) : data
  if (content.length !== size)
    throw new Error(`it unpacks to ${content.length} bytes, the directory of the zip file says ${size}`)
  if (crc32(content) !== crc) throw new Error('its checksum is wrong: the zip file is damaged')
  return content
}

function inflate(data: Uint8Array, size: number): Uint8Array {
  try {
    return zlib.inflateRawSync(data, { maxOutputLength: Math.max(size, 1) })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_BUFFER_TOO_LARGE')
      throw new Error(`it unpacks to more than the ${size} bytes that the directory of the zip file says`)
    throw new Error(`it cannot be unpacked: ${message}`)
  }
}

/** In zlib since Node 20.15. */
const crc32: (bytes: Uint8Array) => number = zlib.crc32 ?? slowCrc32

export function slowCrc32(bytes: Uint8Array): number {
  let sum = -1
  for (const byte of bytes) sum = (sum >>> 8) ^ table[(sum ^ byte) & 255]!
  return ~sum >>> 0
}

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  return sum
})
