import { randomUUID } from 'node:crypto'
import { type FileHandle, open, realpath, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Write a file whole or not at all: after a crash, a full disk or a power cut, either the old file is there or the new.
 *
 * The bytes go to a file beside it (`.NAME.….tmp`), to the disk, and then take the name; a symbolic link is followed.
 * Contents in pieces are written one after the other. On an error the file beside it is removed. Writers of one path at once do not mix: the last to finish wins.
 *
 * @throws Error naming the file: no such folder, no permission, no space left (its `code` is Node's)
 */
export async function writeFileAtomic(
  path: string,
  contents: Uint8Array | string | readonly Uint8Array[],
): Promise<void> {
  const whole = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents
  await writePiecesAtomic(path, whole instanceof Uint8Array ? [whole] : whole)
}

/** The same, for pieces that are made while they are written. */
export async function writePiecesAtomic(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const target = await realpath(path).catch(() => path) // not there yet, or not readable: open() will tell
  const beside = join(dirname(target), `.${basename(target)}.${randomUUID()}.tmp`)
  try {
    const handle = await open(beside, 'wx')
    try {
      for (const piece of pieces) await writeAll(handle, piece)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(beside, target)
  } catch (cause) {
    await unlink(beside).catch(() => {}) // never made, or already renamed
    throw explained(path, cause as NodeJS.ErrnoException)
  }
  await syncFolder(dirname(target))
}

const MAX_WRITE_BYTES = 2 ** 30 // Linux writes at most 2³¹ - 4096 bytes a call

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let offset = 0
  while (offset < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, offset, Math.min(bytes.length - offset, MAX_WRITE_BYTES))
    offset += bytesWritten
  }
}

/** Makes the new name last. Windows cannot open a folder, some network file systems cannot sync one: the name is there. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  await handle?.sync().catch(() => {})
  await handle?.close()
}

const remedies: Record<string, string> = {
  ENOSPC: 'no space left. Free some, or write to another disk',
  EDQUOT: 'your disk quota is used up. Free some space, or write to another disk',
  EFBIG: 'files may not be that large here. Write to another disk',
  EROFS: 'this disk is read-only. Write to another',
  ENOENT: 'no such folder. Make it first',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder. Name a file',
  EACCES: 'permission denied. Write elsewhere, or change the permissions of its folder',
  EPERM: 'not permitted. Write elsewhere, or change the permissions of its folder',
}

function explained(path: string, cause: NodeJS.ErrnoException): Error {
  const remedy = remedies[cause.code ?? '']
  const reason = remedy === undefined ? cause.message : `${remedy} (${cause.code})`
  const error = new Error(`writeFileAtomic: cannot write ${path}: ${reason}. What was there before is unchanged.`, {
    cause,
  })
  return Object.assign(error, cause.code === undefined ? {} : { code: cause.code })
}
