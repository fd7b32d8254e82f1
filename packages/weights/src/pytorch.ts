import { Budget } from './budget.js'
import type { HostTensor } from './dtype.js'
import { flattenTensors } from './flatten.js'
import { failure, unpickle } from './pickle.js'
import type { PickleValue } from './pickle-value.js'
import { Reader } from './reader.js'
import { TorchTensors } from './torch-tensor.js'
import { isZip, zipIndex } from './zip-index.js'

export interface PyTorchFile {
  /** All that was saved, as plain data. */
  value: PickleValue
  /** Every tensor in it, by the path to it: `teacher.backbone.cls_token`. */
  tensors: Record<string, HostTensor>
  /** `zip` since PyTorch 1.6, `legacy` before. */
  format: 'zip' | 'legacy'
}

export interface PyTorchOptions {
  /** Where the bytes came from, for error messages. */
  file?: string
  /** Keep objects of unknown classes as a `PickleObject`. Nothing is run in either case. Default false: they are refused. */
  keepUnknown?: boolean
}

const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn
const LEGACY_PROTOCOL = 1001

/**
 * Reads what `torch.save` wrote, in either format, without running anything: a checkpoint, a state dict, a tensor.
 *
 * Tensors are views of `bytes` where they can be, so keep those unchanged.
 *
 * @throws PickleError naming the file: it is none, is damaged, names code, or holds tensors of a type that is unknown here
 */
export function parsePyTorch(bytes: Uint8Array, { file, keepUnknown }: PyTorchOptions = {}): PyTorchFile {
  const fail = failure(file)
  const torch = new TorchTensors(fail, new Budget(bytes.length, fail))
  const options = { file, keepUnknown, global: torch.global, persistent: torch.persistent }
  const value = isZip(bytes) ? zip() : legacy()
  torch.finish()
  return { value, tensors: flattenTensors(value, fail), format: isZip(bytes) ? 'zip' : 'legacy' }

  function zip(): PickleValue {
    const files = zipIndex(bytes, fail)
    const read = (name: string) => {
      const entry = files.get(name)
      return entry && bytes.subarray(entry.offset, entry.offset + entry.size)
    }
    const pickle = [...files.keys()].find((name) => /^[^/]*\/data\.pkl$/.test(name))
    if (!pickle) {
      const script = [...files.keys()].some((name) => name.includes('/code/'))
      throw fail(
        script
          ? 'it is a TorchScript program. Save the weights alone: torch.save(model.state_dict(), path).'
          : 'expected a file of torch.save, got another zip archive.',
      )
    }
    const folder = pickle.slice(0, -'data.pkl'.length)
    if (files.has(`${folder}constants.pkl`))
      throw fail('it is a TorchScript program. Save the weights alone: torch.save(model.state_dict(), path).')
    const order = read(`${folder}byteorder`)
    if (order && new TextDecoder().decode(order) !== 'little')
      throw fail('it was written on a big-endian machine. Load and save it on another.')
    const source = read(pickle)!
    const { value } = unpickle(source, 0, options)
    for (const storage of torch.storages.values()) {
      const found = read(`${folder}data/${storage.key}`)
      const expected = storage.length * (storage.format?.size ?? 1)
      if (!found) throw fail(`the bytes of storage ${storage.key} are not in the file.`)
      if (found.length !== expected)
        throw fail(`storage ${storage.key}: expected ${expected} bytes, got ${found.length}. The file is damaged.`)
      storage.bytes = found
    }
    return value
  }

  /** Magic number, protocol, system, the object; then a list of storages, and their bytes in that order. */
  function legacy(): PickleValue {
    let at = 0
    const next = (): PickleValue => {
      const { value, end } = unpickle(bytes, at, options)
      at = end
      return value
    }
    const begins = bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 10 // PROTO, LONG1 of ten bytes
    if (!begins || next() !== LEGACY_MAGIC)
      throw fail('expected a file of torch.save: it begins like none. Is it a safetensors file, a .npz or a web page?')
    const protocol = next()
    if (protocol !== LEGACY_PROTOCOL)
      throw fail(`expected protocol ${LEGACY_PROTOCOL} of torch.save, got ${String(protocol)}.`)
    const system = next()
    if (system instanceof Map && system.get('little_endian') === false)
      throw fail('it was written on a big-endian machine. Load and save it on another.')
    const value = next()
    const keys = next()
    if (!Array.isArray(keys)) throw fail('expected a list of storages.')
    const reader = new Reader(bytes, at, fail)
    for (const key of keys) {
      const storage = torch.storages.get(String(key))
      const length = reader.u64()
      if (!storage) throw fail(`the storage ${String(key)} belongs to no tensor. The file is damaged.`)
      if (length !== storage.length)
        throw fail(`storage ${storage.key}: expected ${storage.length} elements, got ${length}. The file is damaged.`)
      storage.bytes = reader.bytes(length * (storage.format?.size ?? 1))
    }
    return value
  }
}
