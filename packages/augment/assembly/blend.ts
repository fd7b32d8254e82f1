import { bytes, load8, zipHigh16, zipLow16 } from './lanes'
import { luma4 } from './luma'

const BITS = 21
const NONE = i32.MIN_VALUE

/**
 * A constant c for which (v · K + c) >> 21, cut to 0..255, is the blend base + factor · (v - base) in float32, truncated, of all 256
 * values v, with K the factor in 21 bits; the least i32 if there is none.
 */
export function planBlend(base: i32, factor: f32): i32 {
  if (factor >= 2) return NONE // K · 2^-7 has to fit 16 bits
  const K = <i32>(<f64>factor * <f64>(1 << BITS) + 0.5)
  let low = NONE
  let high = i32.MAX_VALUE
  for (let v = 0; v < 256; v++) {
    const blend: f32 = <f32>base + factor * <f32>(v - base)
    const vK = v * K
    if (blend < 1) high = min(high, (1 << BITS) - 1 - vK)
    else if (blend >= 255) low = max(low, (255 << BITS) - vK)
    else {
      const level = <i32>blend
      low = max(low, (level << BITS) - vK)
      high = min(high, ((level + 1) << BITS) - 1 - vK)
    }
  }
  if (low > high) return NONE
  if (low == NONE) return high
  return low + ((high - low) >> 1)
}

/** The blend by the constant of planBlend: v and v · 2^7 times the low 7 bits and the rest of K. */
export function blendExact(pixels: usize, count: i32, factor: f32, constant: i32): void {
  const K = <i32>(<f64>factor * <f64>(1 << BITS) + 0.5)
  const k = i32x4.splat((K & 127) | ((K >> 7) << 16))
  const c = i32x4.splat(constant)
  for (let p = pixels, end = pixels + <usize>count; p < end; p += 16) {
    const x = load8(p)
    const y = load8(p + 8)
    const x7 = i16x8.shl(x, 7)
    const y7 = i16x8.shl(y, 7)
    v128.store(
      p,
      bytes(
        i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipLow16(x, x7), k), c), BITS),
        i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipHigh16(x, x7), k), c), BITS),
        i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipLow16(y, y7), k), c), BITS),
        i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(zipHigh16(y, y7), k), c), BITS),
      ),
    )
  }
}

// @ts-ignore: decorator
@inline function blend4(v: v128, base: v128, baseF: v128, factor: v128): v128 {
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

/** Sum of the luma of RGB planes; of one plane, of its values. */
export function lumaSum(planes: usize, stride: usize, pixels: i32, channels: i32): f64 {
  const whole = <usize>pixels & ~7
  let sum: i64 = 0
  for (let from: usize = 0; from < whole; from += 1 << 16) {
    let lanes = i32x4.splat(0) // of 2^14 values each: below 2^22
    const end = planes + min(from + (1 << 16), whole)
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
  for (let p = planes + whole, end = planes + <usize>pixels; p < end; p++) {
    const r = <i32>load<u8>(p)
    if (channels == 1) sum += r
    else {
      const g = <i32>load<u8>(p + stride)
      const b = <i32>load<u8>(p + 2 * stride)
      sum += (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16
    }
  }
  return <f64>sum
}
