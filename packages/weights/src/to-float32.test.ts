import { expect, test } from 'vitest'
import { toFloat32 } from './index.js'

const every = Uint16Array.from({ length: 65_536 }, (_, i) => i)

/** By the definition of IEEE 754: sign, exponent, fraction. */
function value(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> 15 ? -1 : 1
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1)
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits
  const bias = 2 ** (exponentBits - 1) - 1
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
}

test.each([
  ['float16', 5, 10],
  ['bfloat16', 8, 7],
] as const)('every %s keeps its value', (dtype, exponentBits, fractionBits) => {
  const { data } = toFloat32({ dtype, shape: [65_536], data: every })
  const expected = Float32Array.from(every, (bits) => value(bits, exponentBits, fractionBits))
  for (const bits of every) expect(Object.is((data as Float32Array)[bits], expected[bits])).toBe(true)
})

test('float32 stays, float64 is rounded, whole numbers are refused', () => {
  const tensor = { dtype: 'float32' as const, shape: [1], data: Float32Array.of(0.1) }
  expect(toFloat32(tensor)).toBe(tensor)
  expect(toFloat32({ dtype: 'float64', shape: [1], data: Float64Array.of(0.1) })).toEqual(tensor)
  expect(() => toFloat32({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })).toThrow('got int64')
})
