/** Luma of four pixels, from their (r, g) and (g, b) as pairs of 16 bits. The weight of green, above 2^15, is split between the two. */
// @ts-ignore: decorator
@inline export function luma4(rg: v128, gb: v128): v128 {
  const first = i32x4.splat(19595 | (19235 << 16))
  const second = i32x4.splat(19235 | (7471 << 16))
  const sum = i32x4.add(i32x4.dot_i16x8_s(rg, first), i32x4.dot_i16x8_s(gb, second))
  return i32x4.shr_u(i32x4.add(sum, i32x4.splat(32768)), 16)
}
