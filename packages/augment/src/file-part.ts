import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { isMainThread } from 'node:worker_threads'
import { DatasetError } from './dataset-error.js'
import { fetchRange, fetchWhole, isUrl, shownUrl } from './http-range.js'
import { unpackEntry, type ZipEntry } from './zip-entry.js'

/** A file inside a tar or zip file: plain data, for a thread to read it by. */
export interface FilePart {
  /** Path or http(s) URL of the tar or zip file. */
  container: string
  /** Its name in there: nothing is ever opened by it. */
  name: string
  /** Bytes from the start of the container. */
  offset: number
  /** Bytes. */
  length: number
  /** Of an entry of a zip file: how it is packed. */
  zip?: ZipEntry
}

/** Files beyond this are refused unread: no image of theirs would be decoded. */
export const MAX_FILE_BYTES = 2 ** 29

/** What to call it. */
export function partName({ container, name }: Pick<FilePart, 'container' | 'name'>): string {
  return `${isUrl(container) ? shownUrl(container) : container}#${name}`
}

/**
 * The bytes of a file, of a URL or of a part of either.
 *
 * @throws DatasetError
 */
export async function readSource(source: string | FilePart): Promise<Uint8Array> {
  if (typeof source === 'string')
    return isUrl(source) ? fetchWhole(source, MAX_FILE_BYTES) : readLocal(source, 0, undefined)
  const { container, offset, length, zip } = source
  try {
    const most = Math.max(length, zip?.size ?? 0) // a few hundred kilobytes may unpack to gigabytes
    if (most > MAX_FILE_BYTES) throw new Error(`it has ${most} bytes, more than ${MAX_FILE_BYTES}`)
    const bytes = isUrl(container)
      ? await fetchRange(container, offset, length)
      : await readLocal(container, offset, length)
    return zip ? unpackEntry(bytes, zip) : bytes
  } catch (error) {
    const { reason, message } = error as DatasetError
    throw new DatasetError(partName(source), reason ?? message, error)
  }
}

/** Bytes of a file on disk; all of them without a length. */
export async function readLocal(path: string, offset: number, length: number | undefined): Promise<Uint8Array> {
  let file: LocalFile
  try {
    file = await openLocal(path)
  } catch (error) {
    throw new DatasetError(path, reasonOf(error), error)
  }
  try {
    const bytes = length ?? file.size - offset
    if (offset + bytes > file.size)
      throw new DatasetError(path, `it has ${file.size} bytes, ${offset + bytes} were expected: it has been cut short`)
    if (bytes > MAX_FILE_BYTES) throw new DatasetError(path, `it has ${bytes} bytes, more than ${MAX_FILE_BYTES}`)
    return await file.read(offset, bytes)
  } catch (error) {
    throw error instanceof DatasetError ? error : new DatasetError(path, reasonOf(error), error)
  } finally {
    await file.close()
  }
}

export interface LocalFile {
  size: number
  /** Changes when the file does. */
  version: string
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>
  close(): void | Promise<void>
}

/** A regular file. Threads of the pool read at once, without the detour over libuv's threads, where sharp decodes. */
export async function openLocal(path: string, sync = !isMainThread): Promise<LocalFile> {
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) // a pipe would wait for its writer
  const handle: number | FileHandle = sync ? openSync(path, flags) : await open(path, flags)
  const close = () => (typeof handle === 'number' ? closeSync(handle) : handle.close())
  try {
    const stat = typeof handle === 'number' ? fstatSync(handle) : await handle.stat()
    if (!stat.isFile()) throw new Error(stat.isDirectory() ? 'it is a folder' : 'it is not a regular file')
    const read = async (offset: number, length: number) => {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; ) {
        const got =
          typeof handle === 'number'
            ? readSync(handle, bytes, at, length - at, offset + at)
            : (await handle.read(bytes, at, length - at, offset + at)).bytesRead
        if (got === 0) throw new Error(`it ended at byte ${offset + at} while it was read`)
        at += got
      }
      return bytes
    }
    return { size: stat.size, version: `${stat.size} ${stat.mtimeMs}`, read, close }
  } catch (error) {
    await close()
    throw error
  }
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const known: Record<string, string> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file',
    EACCES: 'no permission to read it',
    EPERM: 'no permission to read it',
    EISDIR: 'it is a folder',
    EMFILE: 'too many open files',
    ELOOP: 'a circle of links',
  }
  return known[code ?? ''] ?? message
}
