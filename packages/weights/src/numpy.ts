import type { Budget } from './budget.js'
import { charCodes } from './char-codes.js'
import { copyOf } from './copy-of.js'
import { type DtypeFormat, formats, type HostTensor } from './dtype.js'
import type { Fail } from './pickle-globals.js'
import type { PickleValue } from './pickle-value.js'

// biome-ignore format: a table
const NAMES: Record<string, string> = {
  f8: 'float64', f4: 'float32', f2: 'float16', i8: 'int64', i4: 'int32', i2: 'int16', i1: 'int8', u1: 'uint8', b1: 'bool',
}

/** `numpy.dtype(code)`, on its way to an array. */
export class NumpyDtype {
  #order = '<'

  constructor(
    private readonly code: string,
    private readonly fail: Fail,
  ) {}

  get name(): string {
    return NAMES[this.code] ?? this.code
  }

  /** (version, byte order, …) */
  setState(state: PickleValue): void {
    const order = Array.isArray(state) ? state[1] : undefined
    if (typeof order === 'string') this.#order = order
  }

  format(): DtypeFormat {
    const format = formats.find(({ dtype }) => dtype === NAMES[this.code])
    if (!format || (this.#order === '>' && format.size > 1))
      throw this.fail(
        `expected numbers that TensorFlow has, little-endian, got NumPy's ${this.#order}${this.code}. Save it as another type.`,
      )
    return format
  }
}

/** `numpy.scalar(dtype, bytes)` @returns a number, bigint or boolean */
export function numpyScalar([dtype, raw]: PickleValue[], fail: Fail, budget: Budget): PickleValue {
  if (!((dtype as unknown) instanceof NumpyDtype)) throw fail('expected a NumPy number to have a dtype.')
  const { data } = hostTensor((dtype as unknown as NumpyDtype).format(), [], asBytes(raw, fail), fail, budget)
  const value = (data as Float64Array | BigInt64Array)[0]!
  if (typeof value !== 'bigint') return (dtype as unknown as NumpyDtype).format().dtype === 'bool' ? value !== 0 : value
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** What NumPy makes before it gives an array its state. */
export class PendingArray {
  constructor(
    private readonly fail: Fail,
    private readonly budget: Budget,
  ) {}

  /** @param state (version, shape, dtype, whether in Fortran's order, bytes) */
  build(state: PickleValue): HostTensor {
    const [, shape, dtype, fortran, raw] = Array.isArray(state) ? (state as unknown[]) : []
    if (!isShape(shape) || !(dtype instanceof NumpyDtype))
      throw this.fail('expected a NumPy array to have a shape and a dtype.')
    if (fortran && shape.filter((size) => size > 1).length > 1)
      throw this.fail('expected a NumPy array in C order, got Fortran order. Save it through numpy.ascontiguousarray.')
    return hostTensor(dtype.format(), shape, asBytes(raw as PickleValue, this.fail), this.fail, this.budget)
  }
}

export function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0)
}

/** Python 2 wrote bytes as a string. */
function asBytes(value: PickleValue | undefined, fail: Fail): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value !== 'string') throw fail('expected the bytes of a NumPy value.')
  return charCodes(value)
}

function hostTensor(format: DtypeFormat, shape: number[], raw: Uint8Array, fail: Fail, budget: Budget): HostTensor {
  const bytes = shape.reduce((product, size) => product * size, format.size)
  if (raw.length !== bytes)
    throw fail(`expected ${bytes} bytes for ${format.dtype} of shape [${shape}], got ${raw.length}.`)
  budget.take(bytes)
  const copy = copyOf(raw) // aligned
  return { dtype: format.dtype, shape: [...shape], data: new format.array(copy.buffer, 0, bytes / format.size) }
}
