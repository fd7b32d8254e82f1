// Rearranging lanes of vectors; every function is inlined.

/** a0 b0 a1 b1 … a7 b7 */
// @ts-ignore: decorator
@inline export function zipLow8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
}

/** a8 b8 … a15 b15 */
// @ts-ignore: decorator
@inline export function zipHigh8(a: v128, b: v128): v128 {
  return v128.shuffle<u8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
}

// @ts-ignore: decorator
@inline export function zipLow16(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
}

// @ts-ignore: decorator
@inline export function zipHigh16(a: v128, b: v128): v128 {
  return v128.shuffle<u16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
}

/** 8 bytes as 16-bit lanes. */
// @ts-ignore: decorator
@inline export function load8(pointer: usize): v128 {
  return v128.load8x8_u(pointer)
}

/** 16 bytes from four vectors of 32-bit lanes, cut to 0..255. */
// @ts-ignore: decorator
@inline export function bytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}
