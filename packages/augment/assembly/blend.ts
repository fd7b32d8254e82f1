import { bytes, load8, zipHigh16, zipLow16 } from './lanes'
import { luma4 } from './luma'

const BITS = 21

/** Of a blend, the factor and the constant. In memory, since V8 would move the arithmetic that makes them into the loops. */
const PLANNED: StaticArray<i32> = [0, 0]

/**
 * Finds a constant c for which base + ((d · K + c) >> 21), cut to 0..255, is the blend base + factor · d in float32, truncated, of every
 * difference d from the base, with K the factor in 21 bits, and keeps it. Says whether there is one.
 *
 * @param base -1: for every base. There is none then if a product lies so near below a whole number that the sum may be rounded up.
 */
export function planBlend(base: i32, factor: f32): bool {
  if (factor >= 2) return false // K · 2^-7 has to fit 16 bits
  const K = <i32>(<f64>factor * <f64>(1 << BITS) + 0.5)
  const any = base < 0
  const from = any ? 0 : base
  let low = 0
  let high = (1 << BITS) - 1
  for (let d = any ? -255 : -base; d <= 255 - from; d++) {
    const blend: f32 = <f32>from + factor * <f32>d
    if (!any && (blend < 0 || blend >= 256)) continue // cut, whatever the constant
    const level = <i32>Mathf.floor(blend)
    if (any && <f64>(level + 1) - <f64>blend < 1.0 / 65536) return false
    const least = ((level - from) << BITS) - d * K
    low = max(low, least)
    high = min(high, least + (1 << BITS) - 1)
  }
  store<i32>(changetype<usize>(PLANNED), (K & 127) | ((K >> 7) << 16))
  // With the base inside: base + ((v - base) · K + c) >> 21 is (v · K + what is kept) >> 21
  store<i32>(changetype<usize>(PLANNED), low + ((high - low) >> 1) + (from << BITS) - from * K, 4)
  return low <= high
}

// @ts-ignore: decorator
@inline export function plannedFactor(): v128 {
  return v128.load32_splat(changetype<usize>(PLANNED))
}

// @ts-ignore: decorator
@inline export function plannedConstant(): v128 {
  return v128.load32_splat(changetype<usize>(PLANNED), 4)
}

/** (d · K + c) >> 21 of 8 words: d and d · 2^7 times the low 7 bits and the rest of K. */
// @ts-ignore: decorator
@inline export function scaled(d: v128, k: v128, c: v128): v128 {
  const d7 = i16x8.shl(d, 7)
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipLow16(d, d7), k), c), BITS),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipHigh16(d, d7), k), c), BITS),
  )
}

/** The blend that was planned. */
export function blendExact(pixels: usize, count: i32): void {
  const k = plannedFactor()
  const c = plannedConstant()
  for (let p = pixels, end = pixels + <usize>count; p < end; p += 16)
    v128.store(p, i8x16.narrow_i16x8_u(scaled(load8(p), k, c), scaled(load8(p + 8), k, c)))
}

// @ts-ignore: decorator
@inline export function blend4(v: v128, base: v128, baseF: v128, factor: v128): v128 {
  const away = f32x4.convert_i32x4_s(i32x4.sub(v, base))
  return i32x4.trunc_sat_f32x4_s(f32x4.add(baseF, f32x4.mul(factor, away)))
}

/** The blend as it is defined, for factors that planBlend cannot help. */
export function blendFloat(pixels: usize, count: i32, base: i32, factor: f32): void {
  const b = i32x4.splat(base)
  const bf = f32x4.splat(<f32>base)
  const k = f32x4.splat(factor)
  for (let p = pixels, end = pixels + <usize>count; p < end; p += 16) {
    const x = load8(p)
    const y = load8(p + 8)
    v128.store(
      p,
      bytes(
        blend4(i32x4.extend_low_i16x8_u(x), b, bf, k),
        blend4(i32x4.extend_high_i16x8_u(x), b, bf, k),
        blend4(i32x4.extend_low_i16x8_u(y), b, bf, k),
        blend4(i32x4.extend_high_i16x8_u(y), b, bf, k),
      ),
    )
  }
}

/** Sum of the luma of RGB planes; of one plane, of its values. Writes to the 16 bytes behind each. */
export function lumaSum(planes: usize, stride: usize, pixels: i32, channels: i32): f64 {
  const n = <usize>pixels
  for (let c = 0; c < channels; c++) v128.store(planes + <usize>c * stride + n, i8x16.splat(0)) // black adds nothing
  let sum: i64 = 0
  for (let from: usize = 0; from < n; from += 1 << 16) {
    let lanes = i32x4.splat(0) // of 2^14 values each: below 2^22
    const end = planes + min(from + (1 << 16), n)
    for (let p = planes + from; p < end; p += 8) {
      const r = load8(p)
      if (channels == 1) lanes = i32x4.add(lanes, i32x4.extadd_pairwise_i16x8_u(r))
      else {
        const g = load8(p + stride)
        const b = load8(p + 2 * stride)
        const low = luma4(zipLow16(r, g), zipLow16(g, b))
        lanes = i32x4.add(lanes, i32x4.add(low, luma4(zipHigh16(r, g), zipHigh16(g, b))))
      }
    }
    sum += <i64>i32x4.extract_lane(lanes, 0) + i32x4.extract_lane(lanes, 1)
    sum += <i64>i32x4.extract_lane(lanes, 2) + i32x4.extract_lane(lanes, 3)
  }
  return <f64>sum
}
