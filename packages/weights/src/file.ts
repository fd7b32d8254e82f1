import { type FileHandle, open, stat } from 'node:fs/promises'
import type { HostTensor } from './dtype.js'
import { SafetensorsError } from './error.js'
import { NpyError, npyPieces, parseNpy } from './npy.js'
import { parseSafetensors, type Safetensors } from './parse.js'
import { PickleError } from './pickle-error.js'
import { type PyTorchFile, type PyTorchOptions, parsePyTorch } from './pytorch.js'
import { safetensorsPieces } from './serialize.js'
import { writePiecesAtomic } from './write-atomic.js'

/**
 * Read a safetensors file.
 *
 * @throws SafetensorsError naming the file: it is missing, a folder, unreadable or damaged
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const bytes = await readWhole(path, (reason, cause) => {
    return new SafetensorsError(`readSafetensors: cannot read ${path}: ${reason}.`, { file: path, cause })
  })
  return parseSafetensors(bytes, { file: path })
}

/**
 * Reads what `torch.save` wrote: `parsePyTorch` of a file.
 *
 * @throws PickleError naming the file: it is missing, a folder, unreadable, damaged, or names code
 */
export async function readPyTorch(path: string, options: Omit<PyTorchOptions, 'file'> = {}): Promise<PyTorchFile> {
  const bytes = await readWhole(path, (reason, cause) => {
    return new PickleError(`readPyTorch: cannot read ${path}: ${reason}.`, { file: path, cause })
  })
  return parsePyTorch(bytes, { ...options, file: path })
}

/**
 * Write a safetensors file, atomically (`writeFileAtomic`), without a second copy of the tensors in memory.
 *
 * @param tensors state-dict name -> tensor
 * @param metadata free text that travels with the weights
 * @throws SafetensorsError naming a tensor that does not fit its dtype and shape; Error naming the file
 */
export async function writeSafetensors(
  path: string,
  tensors: Record<string, HostTensor>,
  metadata: Record<string, string> = {},
): Promise<void> {
  await writePiecesAtomic(path, safetensorsPieces(tensors, metadata))
}

/**
 * Reads a .npy file of NumPy.
 *
 * @throws NpyError naming the file: it is missing, a folder, unreadable, damaged, or holds what is not read here
 */
export async function readNpy(path: string): Promise<HostTensor> {
  const bytes = await readWhole(path, (reason, cause) => {
    return new NpyError(`readNpy: cannot read ${path}: ${reason}.`, { cause })
  })
  return parseNpy(bytes, { file: path })
}

/**
 * Writes a .npy file, atomically (`writeFileAtomic`), without a second copy of the tensor in memory.
 *
 * @throws NpyError for a tensor that NumPy cannot have; Error naming the file
 */
export async function writeNpy(path: string, tensor: HostTensor): Promise<void> {
  await writePiecesAtomic(path, npyPieces(tensor))
}

async function readWhole(path: string, failed: (reason: string, cause: unknown) => Error): Promise<Uint8Array> {
  try {
    const handle = await openFile(path)
    try {
      return await readAll(handle)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw failed(reason, cause)
  }
}

/** A pipe or a device is refused: it would wait for whoever writes, or never end. */
export async function openFile(path: string): Promise<FileHandle> {
  const found = await stat(path)
  if (!(found.isFile() || found.isDirectory())) throw new Error('it is no file, but a pipe or a device')
  return open(path, 'r')
}

const MAX_READ_BYTES = 2 ** 30 // readFile refuses files above 2 GiB; one read takes at most 2³¹ - 4096 bytes

async function readAll(handle: FileHandle): Promise<Uint8Array> {
  const bytes = new Uint8Array((await handle.stat()).size)
  let offset = 0
  while (offset < bytes.length) {
    const { bytesRead } = await handle.read(bytes, offset, Math.min(bytes.length - offset, MAX_READ_BYTES), offset)
    if (bytesRead === 0) return bytes.subarray(0, offset) // it shrank while we read
    offset += bytesRead
  }
  return bytes
}
