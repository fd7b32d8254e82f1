import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createInflateRaw, inflateRaw } from 'node:zlib'
import { EngineError } from './error.js'

/** A file inside a zip, as the central directory tells it. */
interface Entry {
  method: number
  compressedBytes: number
  bytes: number
  /** Where its local header begins. */
  offset: number
}

/** A file taken out of a wheel. */
export interface Unpacked {
  /** Path on disk. */
  path: string
  bytes: number
  /** Hexadecimal. */
  sha256: string
}

/**
 * Takes files out of a wheel, each checked against the wheel's RECORD while it is written: length and SHA-256. Nothing
 * is held in memory but the directory and RECORD.
 *
 * @param wheel path of the .whl (PEP 427: a zip)
 * @param names paths inside the wheel
 * @param folder where they go, without the folders of their names
 * @param onBytes called with the bytes written so far, over all files
 */
export async function unpackWheel(
  wheel: string,
  names: readonly string[],
  folder: string,
  onBytes: (written: number) => void = () => {},
  signal?: AbortSignal,
): Promise<Unpacked[]> {
  const file = await open(wheel, 'r')
  try {
    const entries = await centralDirectory(file, wheel)
    const recordName = [...entries.keys()].find((name) => /^[^/]+\.dist-info\/RECORD$/.test(name))
    if (!recordName) throw broken(wheel, 'it has no RECORD')
    const record = parseRecord(await readRecord(file, entries.get(recordName)!, wheel))
    const unpacked: Unpacked[] = []
    let before = 0
    for (const name of names) {
      const entry = entries.get(name)
      if (!entry) throw broken(wheel, `it has no ${name}`)
      const expected = record.get(name)
      if (!expected) throw broken(wheel, `its RECORD has no SHA-256 of ${name}`)
      const path = join(folder, basename(name))
      const actual = await extract(file, entry, wheel, path, (written) => onBytes(before + written), signal)
      if (actual.bytes !== expected.bytes || actual.sha256 !== expected.sha256) {
        throw new EngineError(
          'hash-mismatch',
          `${basename(wheel)}: expected ${basename(name)} of ${expected.bytes} bytes with SHA-256 ${expected.sha256}, got ` +
            `${actual.bytes} bytes with ${actual.sha256}. The download was damaged or altered: try again, or ask who runs ` +
            'your package index or proxy.',
        )
      }
      before += actual.bytes
      unpacked.push({ path, ...actual })
    }
    return unpacked
  } finally {
    await file.close()
  }
}

/** RECORD is CSV: path, `sha256=` and url-safe base64 without padding, size (PEP 376 and 427). */
export function parseRecord(text: string): Map<string, { sha256: string; bytes: number }> {
  const record = new Map<string, { sha256: string; bytes: number }>()
  for (const line of text.split(/\r?\n/)) {
    const match = /^(?:"(.+)"|(.+)),sha256=([\w-]{43})=?,(\d+)$/.exec(line)
    if (!match) continue
    const [, quoted, plain, hash, bytes] = match
    const name = quoted?.replaceAll('""', '"') ?? plain
    record.set(name, { sha256: Buffer.from(hash, 'base64url').toString('hex'), bytes: Number(bytes) })
  }
  return record
}

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const LOCAL_HEADER = 0x04034b50

/** The zip's table of contents. A wheel beyond 4 GB (zip64) is refused. Source: PKWARE APPNOTE 4.3. */
async function centralDirectory(file: FileHandle, wheel: string): Promise<Map<string, Entry>> {
  const { size } = await file.stat()
  // The end record is 22 bytes and a comment of at most 65,535.
  const tail = await readAt(file, Math.max(0, size - 22 - 0xffff), Math.min(size, 22 + 0xffff), wheel)
  let end = tail.length - 22
  while (end >= 0 && tail.readUInt32LE(end) !== END_OF_DIRECTORY) end--
  if (end < 0) throw broken(wheel, 'it is no zip, or its end is missing')
  const count = tail.readUInt16LE(end + 10)
  const bytes = tail.readUInt32LE(end + 12)
  const offset = tail.readUInt32LE(end + 16)
  if (count === 0xffff || offset === 0xffffffff) throw broken(wheel, 'it is a zip64 archive')
  if (offset + bytes > size) throw broken(wheel, 'its directory lies beyond its end')

  const directory = await readAt(file, offset, bytes, wheel)
  const entries = new Map<string, Entry>()
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > bytes || directory.readUInt32LE(at) !== DIRECTORY_ENTRY)
      throw broken(wheel, 'its directory is damaged')
    const nameBytes = directory.readUInt16LE(at + 28)
    const name = directory.toString('utf8', at + 46, at + 46 + nameBytes)
    entries.set(name, {
      method: directory.readUInt16LE(at + 10),
      compressedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    })
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
  }
  return entries
}

/** Where an entry's compressed bytes begin: its local header may hold other extra fields than the directory. */
async function dataStart(file: FileHandle, entry: Entry, wheel: string): Promise<number> {
  const header = await readAt(file, entry.offset, 30, wheel)
  if (header.readUInt32LE(0) !== LOCAL_HEADER) throw broken(wheel, 'a file header is damaged')
  return entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
}

/** The compressed bytes of an entry. */
async function source(file: FileHandle, entry: Entry, wheel: string) {
  if (entry.method !== 0 && entry.method !== 8) throw broken(wheel, `it uses compression method ${entry.method}`)
  if (entry.compressedBytes === 0) throw broken(wheel, 'a file in it is empty')
  const start = await dataStart(file, entry, wheel)
  const end = start + entry.compressedBytes - 1
  return createReadStream(wheel, { start, end, highWaterMark: 1 << 20 })
}

const LARGEST_RECORD = 1 << 26

/** RECORD, in memory. */
async function readRecord(file: FileHandle, entry: Entry, wheel: string): Promise<string> {
  if (entry.bytes > LARGEST_RECORD) throw broken(wheel, 'its RECORD is too long')
  const body = await readAt(file, await dataStart(file, entry, wheel), entry.compressedBytes, wheel)
  if (entry.method === 0) return body.toString('utf8')
  try {
    return (await promisify(inflateRaw)(body, { maxOutputLength: LARGEST_RECORD })).toString('utf8')
  } catch (error) {
    throw broken(wheel, `its RECORD does not decompress (${(error as Error).message})`)
  }
}

async function extract(
  file: FileHandle,
  entry: Entry,
  wheel: string,
  path: string,
  onBytes: (written: number) => void,
  signal: AbortSignal | undefined,
) {
  const hash = createHash('sha256')
  let bytes = 0
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      bytes += chunk.length
      onBytes(bytes)
      done(null, chunk)
    },
  })
  const output = createWriteStream(path, { flags: 'wx', flush: true })
  try {
    const input = await source(file, entry, wheel)
    await (entry.method === 8
      ? pipeline(input, createInflateRaw({ chunkSize: 1 << 20 }), measure, output, { signal })
      : pipeline(input, measure, output, { signal }))
  } catch (error) {
    throw decompression(error, wheel)
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function readAt(file: FileHandle, position: number, length: number, wheel: string): Promise<Buffer> {
  if (position + length > (await file.stat()).size) throw broken(wheel, 'it ends too early')
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  if (bytesRead < length) throw broken(wheel, 'it ends too early')
  return buffer
}

function decompression(error: unknown, wheel: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return code.startsWith('Z_') ? broken(wheel, `it does not decompress (${(error as Error).message})`) : error
}

function broken(wheel: string, why: string) {
  return new EngineError('bad-wheel', `${basename(wheel)} is damaged: ${why}. Try again.`)
}
