import type { Budget } from './budget.js'
import { copyOf } from './copy-of.js'
import { type DtypeFormat, formats, type HostTensor } from './dtype.js'
import { isShape } from './numpy.js'
import type { Global } from './pickle.js'
import type { Fail } from './pickle-globals.js'
import { PickleObject, type PickleValue } from './pickle-value.js'

// biome-ignore format: a table
const STORAGES: Record<string, string> = {
  DoubleStorage: 'float64', FloatStorage: 'float32', HalfStorage: 'float16', BFloat16Storage: 'bfloat16',
  LongStorage: 'int64', IntStorage: 'int32', ShortStorage: 'int16', CharStorage: 'int8', ByteStorage: 'uint8', BoolStorage: 'bool',
}
const DTYPES =
  /^torch\.(float64|float32|float16|bfloat16|int64|int32|int16|int8|uint8|bool|double|float|half|long|int|short)$/
// biome-ignore format: a table
const ALIASES: Record<string, string> = {
  double: 'float64', float: 'float32', half: 'float16', long: 'int64', int: 'int32', short: 'int16',
}

/** The bytes that one or several tensors look at. */
export interface Storage {
  key: string
  /** Undefined for a storage of bytes. */
  format: DtypeFormat | undefined
  /** Elements; of a storage of bytes, bytes. */
  length: number
  /** Filled in when its bytes are known. */
  bytes?: Uint8Array
}

interface Pending {
  tensor: HostTensor
  format: DtypeFormat
  storage: Storage
  /** In elements. */
  offset: number
  strides: number[]
}

/** Tensors that a pickle describes, before and after their bytes are known. */
export class TorchTensors {
  readonly #pending: Pending[] = []
  readonly storages = new Map<string, Storage>()

  constructor(
    private readonly fail: Fail,
    private readonly budget: Budget,
  ) {}

  /** What stands for PyTorch's functions and types in a pickle of tensors. */
  readonly global = (path: string): Global | undefined => {
    if (Object.hasOwn(this.#calls, path)) return { path, call: this.#calls[path]! }
    const storage = /^torch(?:\.cuda)?\.(\w+Storage)$/.exec(path)?.[1]
    if (storage && Object.hasOwn(STORAGES, storage)) return this.#type(path, STORAGES[storage]!)
    const dtype = DTYPES.exec(path)?.[1]
    if (dtype) return this.#type(path, ALIASES[dtype] ?? dtype)
    if (path === 'torch.storage.UntypedStorage') return { path, call: () => this.#refuse(path) }
    if (/^torch\.\w*(Storage|float8|complex|quint|qint)/.test(path))
      throw this.fail(
        `it holds tensors of type ${path}, which have no counterpart here. Convert them before saving: tensor.float().`,
      )
    return undefined
  }

  readonly #calls: Record<string, (args: PickleValue[]) => unknown> = {
    'torch._utils._rebuild_tensor': ([storage, offset, size, stride]) => this.#rebuild(storage, offset, size, stride),
    'torch._utils._rebuild_tensor_v2': ([storage, offset, size, stride]) =>
      this.#rebuild(storage, offset, size, stride),
    'torch._utils._rebuild_tensor_v3': ([storage, offset, size, stride, , , dtype]) =>
      this.#rebuild(storage, offset, size, stride, formatOf(dtype)),
    'torch._utils._rebuild_parameter': ([data]) => data,
    'torch._utils._rebuild_parameter_with_state': ([data]) => data,
    'torch.Size': ([size]) => size,
    'torch.device': (parts) => parts.filter((part) => part !== null).join(':'),
    'torch.serialization._get_layout': ([name]) => name,
  }

  /** @param id ('storage', type, key, device, length, view) */
  readonly persistent = (id: PickleValue): Storage => {
    const [kind, type, key, , length, view] = Array.isArray(id) ? (id as unknown[]) : []
    if (kind !== 'storage' || typeof key !== 'string' || !Number.isSafeInteger(length) || (length as number) < 0)
      throw this.fail('expected a reference to the bytes of a tensor.')
    if (view !== null && view !== undefined)
      throw this.fail(
        `the storage ${key} is a view of another, as before PyTorch 0.4. Load and save it with a newer one.`,
      )
    const known = this.storages.get(key)
    const format = formatOf(type)
    if (known) {
      if (known.length !== length || known.format !== format)
        throw this.fail(`the storage ${key} is described in two ways.`)
      return known
    }
    const storage: Storage = { key, format, length: length as number }
    this.storages.set(key, storage)
    return storage
  }

  /** Gives the tensors their values. Contiguous, aligned ones are views of the storages' bytes; others are copied. */
  finish(): void {
    for (const pending of this.#pending) pending.tensor.data = this.#values(pending)
  }

  #type(path: string, dtype: string): Global & { format: DtypeFormat } {
    return { path, format: formats.find((format) => format.dtype === dtype)!, call: () => this.#refuse(path) }
  }

  #refuse(path: string): never {
    throw this.fail(`it calls ${path}, which is a type.`)
  }

  #rebuild(storage: unknown, offset: unknown, size: unknown, stride: unknown, format?: DtypeFormat): HostTensor {
    if (
      !isStorage(storage) ||
      !Number.isSafeInteger(offset) ||
      (offset as number) < 0 ||
      !isShape(size) ||
      !isShape(stride)
    )
      throw this.fail('expected a tensor to have a storage, an offset, a size and strides.')
    const type = format ?? storage.format
    if (!type || size.length !== stride.length)
      throw this.fail(`expected a tensor of storage ${storage.key} to have a type, and as many strides as sizes.`)
    const count = size.reduce((product, length) => product * length, 1)
    const last = count === 0 ? -1 : size.reduce((sum, length, i) => sum + (length - 1) * stride[i]!, offset as number)
    const held = storage.format ? storage.length : Math.floor(storage.length / type.size)
    if (last >= held)
      throw this.fail(
        `a tensor of shape [${size}] reads element ${last} of storage ${storage.key}, which has ${held}. The file is damaged.`,
      )
    // An expanded tensor repeats what it holds: a few bytes could ask for any amount of memory.
    if (count > held)
      throw this.fail(
        `a tensor of shape [${size}] repeats the ${held} elements of storage ${storage.key}. Save it through .contiguous().`,
      )
    this.budget.take(count * type.size)
    const tensor: HostTensor = { dtype: type.dtype, shape: [...size], data: new Uint8Array() }
    this.#pending.push({ tensor, format: type, storage, offset: offset as number, strides: [...stride] })
    return tensor
  }

  #values({ tensor: { shape }, format, storage, offset, strides }: Pending): ArrayBufferView {
    const bytes = storage.bytes
    if (!bytes) throw this.fail(`the bytes of storage ${storage.key} are not in the file.`)
    const count = shape.reduce((product, length) => product * length, 1)
    const start = bytes.byteOffset + offset * format.size
    if (isContiguous(shape, strides)) {
      if (start % format.size === 0) return new format.array(bytes.buffer, start, count)
      const copy = copyOf(bytes, offset * format.size, (offset + count) * format.size)
      return new format.array(copy.buffer, 0, count)
    }
    const aligned = bytes.byteOffset % format.size === 0 ? bytes : copyOf(bytes)
    storage.bytes = aligned // copied once, however many tensors look at it
    type Values = { [i: number]: number | bigint }
    const from = new format.array(
      aligned.buffer,
      aligned.byteOffset,
      Math.floor(aligned.length / format.size),
    ) as ArrayBufferView & Values
    const to = new format.array(new ArrayBuffer(count * format.size), 0, count) as ArrayBufferView & Values
    const index = shape.map(() => 0)
    for (let i = 0, at = offset; i < count; i++) {
      to[i] = from[at]!
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        at += strides[axis]!
        if (++index[axis]! < shape[axis]!) break
        at -= strides[axis]! * shape[axis]!
        index[axis] = 0
      }
    }
    return to
  }
}

function formatOf(type: unknown): DtypeFormat | undefined {
  return (type as { format?: DtypeFormat } | undefined)?.format
}

function isStorage(value: unknown): value is Storage {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    'length' in value &&
    !(value instanceof PickleObject)
  )
}

function isContiguous(shape: number[], strides: number[]): boolean {
  let expected = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis]! > 1 && strides[axis] !== expected) return shape.includes(0)
    expected *= shape[axis]!
  }
  return true
}
