import type { HostTensor } from './dtype.js'

/**
 * The same values as float32: exact from float16 and bfloat16, rounded from float64. A float32 tensor is given back as it is.
 *
 * @throws RangeError for whole numbers and booleans: they are no weights
 */
export function toFloat32(tensor: HostTensor): HostTensor {
  const { dtype, shape, data } = tensor
  if (dtype === 'float32') return tensor
  if (dtype === 'float64') return { dtype: 'float32', shape, data: Float32Array.from(data as Float64Array) }
  if (dtype !== 'float16' && dtype !== 'bfloat16')
    throw new RangeError(`toFloat32: expected floating-point values, got ${dtype}.`)
  const from = data as Uint16Array
  const bits = new Uint32Array(from.length)
  for (let i = 0; i < bits.length; i++) bits[i] = dtype === 'bfloat16' ? from[i]! << 16 : fromHalf(from[i]!)
  return { dtype: 'float32', shape, data: new Float32Array(bits.buffer) }
}

/** Bits of a float16 -> bits of the float32 of the same value. */
function fromHalf(half: number): number {
  const sign = (half & 0x8000) << 16
  const exponent = (half >> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13) // infinity, NaN
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (fraction << 13)
  if (fraction === 0) return sign
  const shift = Math.clz32(fraction) - 21 // subnormal: 1 to 10 places to the first bit
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13)
}
