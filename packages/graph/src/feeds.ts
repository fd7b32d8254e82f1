import { arrayName, type HostTensor, holds, isDtype, sizeOf, typeText } from './host-tensor.js'
import type { InputSpec } from './traceable.js'

/** What a compiled function takes for an input: a number for a scalar, the elements row by row, or a tensor. */
export type Feed = number | ArrayBufferView | HostTensor

/** Refuses specs that no tensor can have. */
export function checkSpecs(name: string, specs: Record<string, InputSpec>): void {
  for (const [input, spec] of Object.entries(specs)) {
    const { shape, dtype = 'float32' } = spec ?? {}
    if (!Array.isArray(shape) || shape.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new RangeError(
        `${name}: expected input ${input} to declare a shape of whole numbers, got ${JSON.stringify(shape)}.`,
      )
    }
    if (spec.upTo && !(shape[0]! >= 1)) {
      throw new RangeError(
        `${name}: expected input ${input}, which takes up to so many, to have a first dimension of 1 or more, got [${shape}].`,
      )
    }
    if (!isDtype(dtype)) throw new RangeError(`${name}: input ${input} declares the unknown dtype ${dtype}.`)
  }
}

/** The inputs of a call as tensors of the declared types, without copying arrays. Refuses what does not fit. */
export function checkFeeds(
  name: string,
  specs: Record<string, InputSpec>,
  feeds: Record<string, Feed>,
): Record<string, HostTensor> {
  const unknown = Object.keys(feeds).filter((input) => !Object.hasOwn(specs, input))
  if (unknown.length > 0) {
    throw new TypeError(
      `${name}: unknown input ${unknown.join(', ')}. It takes ${Object.keys(specs).join(', ') || 'none'}.`,
    )
  }
  const tensors: Record<string, HostTensor> = {}
  for (const [input, spec] of Object.entries(specs)) {
    const { dtype = 'float32' } = spec
    const feed = Object.hasOwn(feeds, input) ? feeds[input] : undefined
    const shape = spec.upTo ? broughtShape(spec.shape, feed) : spec.shape
    const expected = { shape: [...shape], dtype }
    const refuse = (got: string) =>
      new RangeError(
        `${name}: expected input ${input} to be ${spec.upTo ? 'up to ' : ''}${typeText({ ...expected, shape: spec.shape })}, got ${got}.`,
      )
    if (feed === undefined || feed === null) throw refuse('nothing')
    if (typeof feed === 'number') {
      if (sizeOf(shape) !== 1) throw refuse('a number')
      tensors[input] = { ...expected, data: scalarData(expected, feed) }
    } else if (ArrayBuffer.isView(feed)) {
      const { length } = feed as unknown as { length?: number }
      if (!holds(dtype, feed)) throw refuse(`a ${feed.constructor.name} instead of a ${arrayName(dtype)}`)
      if (length !== sizeOf(shape)) throw refuse(`${length} elements`)
      tensors[input] = { ...expected, data: feed }
    } else if (typeof feed === 'object' && ArrayBuffer.isView(feed.data) && Array.isArray(feed.shape)) {
      if (typeText(feed) !== typeText(expected)) throw refuse(typeText(feed))
      tensors[input] = checkTensorData(`${name}: input ${input}`, feed)
    } else {
      throw refuse(Array.isArray(feed) ? 'a plain array; use a typed one' : `a ${typeof feed}`)
    }
  }
  return tensors
}

/** The shape of what a call brings for an input of up to so many: as many whole rows as there are, at most and at least those allowed. */
function broughtShape([most, ...row]: readonly number[], feed: Feed | undefined): number[] {
  const array = ArrayBuffer.isView(feed) ? feed : typeof feed === 'object' ? feed?.data : undefined
  const { length = 0 } = (array ?? {}) as { length?: number }
  return [Math.min(most!, Math.max(1, Math.floor(length / sizeOf(row)))), ...row]
}

/** Refuses a tensor whose data is not of its dtype and shape. */
export function checkTensorData(where: string, tensor: HostTensor): HostTensor {
  const { dtype, shape, data } = tensor
  if (!isDtype(dtype)) throw new RangeError(`${where}: unknown dtype ${dtype}.`)
  if (!holds(dtype, data)) {
    throw new RangeError(
      `${where}: expected the data of ${typeText(tensor)} in a ${arrayName(dtype)}, got a ${data?.constructor?.name}.`,
    )
  }
  const { length } = data as unknown as { length: number }
  if (length !== sizeOf(shape)) {
    throw new RangeError(`${where}: expected ${sizeOf(shape)} elements for ${typeText(tensor)}, got ${length}.`)
  }
  return tensor
}

function scalarData({ dtype }: { dtype: HostTensor['dtype'] }, value: number): ArrayBufferView {
  if (dtype === 'float32') return Float32Array.of(value)
  if (dtype === 'float64') return Float64Array.of(value)
  if (dtype === 'int32') return Int32Array.of(value)
  if (dtype === 'int64') return BigInt64Array.of(BigInt(value))
  if (dtype === 'int16') return Int16Array.of(value)
  if (dtype === 'int8') return Int8Array.of(value)
  if (dtype === 'float16' || dtype === 'bfloat16')
    throw new RangeError(`a number cannot be fed as ${dtype}: pass its bits.`)
  return Uint8Array.of(value)
}
