import type { HostTensor } from './dtype.js'
import { openFile, readPyTorch, readSafetensors } from './file.js'
import { PickleError } from './pickle-error.js'
import type { PickleValue } from './pickle-value.js'

/** What a file of weights holds, whatever its format. */
export interface WeightsFile {
  format: 'safetensors' | 'pytorch zip' | 'pytorch legacy'
  /** By name; of PyTorch, by the path to them: `teacher.backbone.cls_token`. */
  tensors: Record<string, HostTensor>
  /** Free text of a safetensors file; empty for PyTorch. */
  metadata: Record<string, string>
  /** All that PyTorch saved, as plain data. */
  value?: PickleValue
}

/**
 * Reads a safetensors file or one of `torch.save`, by how it begins and not by its name. Nothing in it is run.
 *
 * @throws SafetensorsError or PickleError naming the file
 */
export async function readWeights(path: string): Promise<WeightsFile> {
  if (!(await beginsLikePyTorch(path))) return { format: 'safetensors', ...(await readSafetensors(path)) }
  const { format, tensors, value } = await readPyTorch(path)
  return { format: `pytorch ${format}`, tensors, metadata: {}, value }
}

async function beginsLikePyTorch(path: string): Promise<boolean> {
  const begin = new Uint8Array(4)
  try {
    const handle = await openFile(path)
    try {
      await handle.read(begin, 0, 4, 0)
    } finally {
      await handle.close()
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : message
    throw new PickleError(`readWeights: cannot read ${path}: ${reason}.`, { file: path, cause })
  }
  const zip = begin[0] === 0x50 && begin[1] === 0x4b
  const pickle = begin[0] === 0x80 && begin[1]! <= 5 && begin[2] === 0x8a
  return zip || pickle
}
