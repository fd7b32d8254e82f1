/** Weights of red and green, of green and blue, and a half. Read from memory: V8 makes a constant anew each time round a loop. */
const WEIGHTS: StaticArray<u32> = [19595 | (19235 << 16), 19235 | (7471 << 16), 32768]

/** Luma of four pixels, from their (r, g) and (g, b) as pairs of 16 bits. The weight of green, above 2^15, is split between the two. */
// @ts-ignore: decorator
@inline export function luma4(rg: v128, gb: v128): v128 {
  const weights = changetype<usize>(WEIGHTS)
  const first = i32x4.dot_i16x8_s(rg, v128.load32_splat(weights))
  const second = i32x4.dot_i16x8_s(gb, v128.load32_splat(weights, 4))
  return i32x4.shr_u(i32x4.add(i32x4.add(first, second), v128.load32_splat(weights, 8)), 16)
}
