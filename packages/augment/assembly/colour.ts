import { blend4, plannedConstant, plannedFactor, scaled } from './blend'
import { load8, zipHigh16, zipLow16 } from './lanes'
import { luma4 } from './luma'

// @ts-ignore: decorator
@inline function saturate(p: usize, v: v128, luma: v128, k: v128, c: v128): void {
  const words = i16x8.add(luma, scaled(i16x8.sub(v, luma), k, c))
  v128.store64_lane(p, i8x16.narrow_i16x8_u(words, words), 0)
}

/** RGB planes, in place, by the blend that was planned for every base. */
export function saturation(planes: usize, stride: usize, pixels: i32): void {
  const k = plannedFactor()
  const c = plannedConstant()
  for (let p = planes, end = planes + <usize>pixels; p < end; p += 8) {
    const r = load8(p)
    const g = load8(p + stride)
    const b = load8(p + 2 * stride)
    const luma = i16x8.narrow_i32x4_s(luma4(zipLow16(r, g), zipLow16(g, b)), luma4(zipHigh16(r, g), zipHigh16(g, b)))
    saturate(p, r, luma, k, c)
    saturate(p + stride, g, luma, k, c)
    saturate(p + 2 * stride, b, luma, k, c)
  }
}

// @ts-ignore: decorator
@inline function saturateFloat(p: usize, v: v128, luma0: v128, luma1: v128, k: v128): void {
  const low = blend4(i32x4.extend_low_i16x8_u(v), luma0, f32x4.convert_i32x4_s(luma0), k)
  const high = blend4(i32x4.extend_high_i16x8_u(v), luma1, f32x4.convert_i32x4_s(luma1), k)
  const words = i16x8.narrow_i32x4_s(low, high)
  v128.store64_lane(p, i8x16.narrow_i16x8_u(words, words), 0)
}

/** The same as it is defined, where there is no constant. */
export function saturationFloat(planes: usize, stride: usize, pixels: i32, factor: f32): void {
  const k = f32x4.splat(factor)
  for (let p = planes, end = planes + <usize>pixels; p < end; p += 8) {
    const r = load8(p)
    const g = load8(p + stride)
    const b = load8(p + 2 * stride)
    const luma0 = luma4(zipLow16(r, g), zipLow16(g, b))
    const luma1 = luma4(zipHigh16(r, g), zipHigh16(g, b))
    saturateFloat(p, r, luma0, luma1, k)
    saturateFloat(p + stride, g, luma0, luma1, k)
    saturateFloat(p + 2 * stride, b, luma0, luma1, k)
  }
}

/** RGB planes, in place. */
export function grayscale(planes: usize, stride: usize, pixels: i32): void {
  for (let p = planes, end = planes + <usize>pixels; p < end; p += 8) {
    const r = load8(p)
    const g = load8(p + stride)
    const b = load8(p + 2 * stride)
    const words = i16x8.narrow_i32x4_s(
      luma4(zipLow16(r, g), zipLow16(g, b)),
      luma4(zipHigh16(r, g), zipHigh16(g, b)),
    )
    const luma = i8x16.narrow_i16x8_u(words, words)
    v128.store64_lane(p, luma, 0)
    v128.store64_lane(p + stride, luma, 0)
    v128.store64_lane(p + 2 * stride, luma, 0)
  }
}

/** @param threshold 0 to 255 */
export function solarize(pixels: usize, count: i32, threshold: i32): void {
  const t = i8x16.splat(<i8>threshold)
  for (let p = pixels, end = pixels + <usize>count; p < end; p += 16) {
    const v = v128.load(p)
    v128.store(p, v128.xor(v, i8x16.ge_u(v, t)))
  }
}
