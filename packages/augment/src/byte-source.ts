import { DatasetError } from './dataset-error.js'
import { type LocalFile, openLocal, reasonOf } from './file-part.js'
import { fetchRange, isUrl, remoteFile, shownUrl } from './http-range.js'

/** A file read here and there, on disk or on a server. */
export interface ByteSource {
  /** For people. */
  name: string
  /** Bytes. */
  size: number
  /** Changes when the file does. */
  version: string
  /** Exactly these bytes. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

/** Bytes fetched at once: a header costs a system call or a round trip, whatever follows it. */
const LOCAL_WINDOW = 4096
const REMOTE_WINDOW = 65_536

/** @throws DatasetError */
export async function openBytes(pathOrUrl: string): Promise<ByteSource> {
  if (isUrl(pathOrUrl)) {
    const { size, version } = await remoteFile(pathOrUrl)
    const read = (offset: number, length: number) => fetchRange(pathOrUrl, offset, length)
    return windowed({ name: shownUrl(pathOrUrl), size, version, read, close: async () => {} }, REMOTE_WINDOW)
  }
  const failed = (error: unknown) => new DatasetError(pathOrUrl, reasonOf(error), error)
  let file: LocalFile
  try {
    file = await openLocal(pathOrUrl, true)
  } catch (error) {
    throw failed(error)
  }
  const read = async (offset: number, length: number) => {
    try {
      return await file.read(offset, length)
    } catch (error) {
      throw failed(error)
    }
  }
  const { size, version } = file
  return windowed({ name: pathOrUrl, size, version, read, close: async () => file.close() }, LOCAL_WINDOW)
}

/** Bytes in memory. */
export function bytesInMemory(name: string, bytes: Uint8Array): ByteSource {
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length)
  return guarded({ name, size: bytes.length, version: '', read, close: async () => {} })
}

function windowed(source: ByteSource, window: number): ByteSource {
  let first = 0
  let held: Uint8Array = new Uint8Array()
  const read = async (offset: number, length: number) => {
    if (offset < first || offset + length > first + held.length) {
      held = await source.read(offset, Math.min(Math.max(length, window), source.size - offset))
      first = offset
    }
    return held.subarray(offset - first, offset - first + length)
  }
  return guarded({ ...source, read })
}

/** Allocates nothing for bytes that are not there. */
function guarded(source: ByteSource): ByteSource {
  const read = async (offset: number, length: number) => {
    if (!(offset >= 0 && length >= 0 && offset + length <= source.size))
      throw new DatasetError(
        source.name,
        `it has ${source.size} bytes, ${offset + length} were expected: it is cut short`,
      )
    return source.read(offset, length)
  }
  return { ...source, read }
}
