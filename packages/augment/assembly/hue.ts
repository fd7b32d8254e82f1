// Pillow's way to 8-bit HSV and back, which its float32 arithmetic defines, in whole numbers as far as they give the same bytes.

/**
 * Hue bytes at which the reference, where 42.5 · difference / chroma is whole, comes out one higher than its floor: float32 has
 * rounded up on the way. A bit each.
 */
const ROUNDED_UP: StaticArray<u8> = [
  254, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 17, 17, 1, 0, 0, 170, 170, 42, 34, 34, 34, 35, 35, 34, 34, 2, 0, 0, 0, 0, 0,
]

// @ts-ignore: decorator
@inline function float(v: v128): v128 {
  return f32x4.convert_i32x4_s(v)
}

/** Whole floats below 2^23 as integers, by the bits of 2^23 + v. */
// @ts-ignore: decorator
@inline function integer(v: v128): v128 {
  return v128.xor(f32x4.add(v, f32x4.splat(8388608)), i32x4.splat(0x4b000000))
}

// @ts-ignore: decorator
@inline function narrow(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}

/** RGB planes, in place, 16 pixels at a time. @param turn added to the hue byte, which wraps */
export function hue(planes: usize, stride: usize, pixels: i32, turn: i32): void {
  const green = planes + stride
  const blue = planes + 2 * stride
  const bits = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128)
  const tableLow = v128.load(changetype<usize>(ROUNDED_UP))
  const tableHigh = v128.load(changetype<usize>(ROUNDED_UP), 16)
  const zero = i8x16.splat(0)
  const one = i8x16.splat(1)
  const two = i8x16.splat(2)
  const three = i8x16.splat(3)
  const four = i8x16.splat(4)
  const five = i8x16.splat(5)
  const six = i8x16.splat(6)
  for (let i: usize = 0; i < <usize>pixels; i += 16) {
    const r = v128.load(planes + i)
    const g = v128.load(green + i)
    const b = v128.load(blue + i)
    const most = i8x16.max_u(i8x16.max_u(r, g), b)
    const chroma = i8x16.sub(most, i8x16.min_u(i8x16.min_u(r, g), b))
    const isRed = i8x16.eq(r, most)
    const isGreen = v128.andnot(i8x16.eq(g, most), isRed)
    // hue / 42.5 = (first - second) / chroma + sector, with 6 for a red that leans to blue
    const first = v128.bitselect(g, v128.bitselect(b, r, isGreen), isRed)
    const second = v128.bitselect(b, v128.bitselect(r, g, isGreen), isRed)
    const sector = v128.bitselect(
      v128.and(i8x16.lt_u(first, second), six),
      v128.bitselect(two, four, isGreen),
      isRed,
    )
    const chroma1 = i8x16.max_u(chroma, one) // gray pixels end with saturation 0
    const most1 = i8x16.max_u(most, one)
    const low = i16x8.add(
      i16x8.sub(i16x8.extend_low_i8x16_u(first), i16x8.extend_low_i8x16_u(second)),
      i16x8.extmul_low_i8x16_u(chroma, sector),
    )
    const high = i16x8.add(
      i16x8.sub(i16x8.extend_high_i8x16_u(first), i16x8.extend_high_i8x16_u(second)),
      i16x8.extmul_high_i8x16_u(chroma, sector),
    )
    const chromaLow = i16x8.extend_low_i8x16_u(chroma1)
    const chromaHigh = i16x8.extend_high_i8x16_u(chroma1)
    const mostLow = i16x8.extend_low_i8x16_u(most1)
    const mostHigh = i16x8.extend_high_i8x16_u(most1)
    const c0 = float(i32x4.extend_low_i16x8_u(chromaLow))
    const c1 = float(i32x4.extend_high_i16x8_u(chromaLow))
    const c2 = float(i32x4.extend_low_i16x8_u(chromaHigh))
    const c3 = float(i32x4.extend_high_i16x8_u(chromaHigh))
    const scale = f32x4.splat(42.5)
    const x0 = f32x4.div(f32x4.mul(float(i32x4.extend_low_i16x8_s(low)), scale), c0)
    const x1 = f32x4.div(f32x4.mul(float(i32x4.extend_high_i16x8_s(low)), scale), c1)
    const x2 = f32x4.div(f32x4.mul(float(i32x4.extend_low_i16x8_s(high)), scale), c2)
    const x3 = f32x4.div(f32x4.mul(float(i32x4.extend_high_i16x8_s(high)), scale), c3)
    const t0 = f32x4.floor(x0)
    const t1 = f32x4.floor(x1)
    const t2 = f32x4.floor(x2)
    const t3 = f32x4.floor(x3)
    const isWhole = i8x16.narrow_i16x8_s(
      i16x8.narrow_i32x4_s(f32x4.eq(x0, t0), f32x4.eq(x1, t1)),
      i16x8.narrow_i32x4_s(f32x4.eq(x2, t2), f32x4.eq(x3, t3)),
    )
    let h = narrow(integer(t0), integer(t1), integer(t2), integer(t3))
    const place = i8x16.shr_u(h, 3)
    const row = v128.or(
      i8x16.swizzle(tableLow, place),
      i8x16.swizzle(tableHigh, i8x16.sub(place, i8x16.splat(16))),
    )
    const up = i8x16.ne(v128.and(row, i8x16.swizzle(bits, v128.and(h, i8x16.splat(7)))), zero)
    // as a mask, up is -1: the table holds the bytes that stay
    h = i8x16.add(i8x16.add(h, v128.and(up, isWhole)), i8x16.splat(<i8>turn))

    const v0 = float(i32x4.extend_low_i16x8_u(mostLow))
    const v1 = float(i32x4.extend_high_i16x8_u(mostLow))
    const v2 = float(i32x4.extend_low_i16x8_u(mostHigh))
    const v3 = float(i32x4.extend_high_i16x8_u(mostHigh))
    const k255 = f32x4.splat(255)
    const saturation = narrow(
      integer(f32x4.floor(f32x4.div(f32x4.mul(c0, k255), v0))),
      integer(f32x4.floor(f32x4.div(f32x4.mul(c1, k255), v1))),
      integer(f32x4.floor(f32x4.div(f32x4.mul(c2, k255), v2))),
      integer(f32x4.floor(f32x4.div(f32x4.mul(c3, k255), v3))),
    )
    const s = v128.and(saturation, i8x16.ne(chroma, zero))

    // And back: sector = floor(6 h / 255), within = 6 h - 255 sector
    const hLow = i16x8.extend_low_i8x16_u(h)
    const hHigh = i16x8.extend_high_i8x16_u(h)
    const k193 = i16x8.splat(193)
    const k6 = i16x8.splat(6)
    const words255 = i16x8.splat(255)
    const turnedLow = i16x8.shr_u(i16x8.mul(hLow, k193), 13)
    const turnedHigh = i16x8.shr_u(i16x8.mul(hHigh, k193), 13)
    const turned = i8x16.narrow_i16x8_u(turnedLow, turnedHigh)
    const within = i8x16.narrow_i16x8_u(
      i16x8.sub(i16x8.mul(hLow, k6), i16x8.mul(turnedLow, words255)),
      i16x8.sub(i16x8.mul(hHigh, k6), i16x8.mul(turnedHigh, words255)),
    )
    // Falling in the odd sectors, rising in the even ones
    const slope = v128.xor(within, i8x16.eq(v128.and(turned, one), zero))
    const square = i16x8.splat(<i16>65025)
    const middleLow = i16x8.sub(square, i16x8.extmul_low_i8x16_u(s, slope))
    const middleHigh = i16x8.sub(square, i16x8.extmul_high_i8x16_u(s, slope))
    const inverse = f32x4.splat(<f32>(1.0 / 65025.0))
    const half = f32x4.splat(0.5)
    const m0 = f32x4.mul(f32x4.mul(v0, float(i32x4.extend_low_i16x8_u(middleLow))), inverse)
    const m1 = f32x4.mul(f32x4.mul(v1, float(i32x4.extend_high_i16x8_u(middleLow))), inverse)
    const m2 = f32x4.mul(f32x4.mul(v2, float(i32x4.extend_low_i16x8_u(middleHigh))), inverse)
    const m3 = f32x4.mul(f32x4.mul(v3, float(i32x4.extend_high_i16x8_u(middleHigh))), inverse)
    const rounded = narrow(
      integer(f32x4.floor(f32x4.add(m0, half))),
      integer(f32x4.floor(f32x4.add(m1, half))),
      integer(f32x4.floor(f32x4.add(m2, half))),
      integer(f32x4.floor(f32x4.add(m3, half))),
    )
    const middle = v128.and(rounded, i8x16.ne(most, zero)) // black counted as 1 above
    const rest = v128.not(s)
    const k128 = i16x8.splat(128)
    const leastLow = i16x8.add(i16x8.extmul_low_i8x16_u(most, rest), k128)
    const leastHigh = i16x8.add(i16x8.extmul_high_i8x16_u(most, rest), k128)
    const least = i8x16.narrow_i16x8_u(
      i16x8.shr_u(i16x8.add(leastLow, i16x8.shr_u(leastLow, 8)), 8),
      i16x8.shr_u(i16x8.add(leastHigh, i16x8.shr_u(leastHigh, 8)), 8),
    )
    const in0 = v128.or(i8x16.eq(turned, zero), i8x16.eq(turned, six))
    const in1 = i8x16.eq(turned, one)
    const in2 = i8x16.eq(turned, two)
    const in3 = i8x16.eq(turned, three)
    const in4 = i8x16.eq(turned, four)
    const in5 = i8x16.eq(turned, five)
    const red = v128.bitselect(middle, least, v128.or(in1, in4))
    v128.store(planes + i, v128.bitselect(most, red, v128.or(in0, in5)))
    const newGreen = v128.bitselect(middle, least, v128.or(in0, in3))
    v128.store(green + i, v128.bitselect(most, newGreen, v128.or(in1, in2)))
    const newBlue = v128.bitselect(middle, least, v128.or(in2, in5))
    v128.store(blue + i, v128.bitselect(most, newBlue, v128.or(in3, in4)))
  }
}
