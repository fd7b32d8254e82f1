// Pillow's way to 8-bit HSV and back, which its float32 arithmetic defines, in whole numbers as far as they give the same bytes.

/**
 * Hue bytes at which the reference, where 42.5 · difference / chroma is whole, comes out one higher than its floor: float32 has
 * rounded up on the way. A bit each.
 */
const ROUNDED_UP: StaticArray<u8> = [
  254, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 17, 17, 1, 0, 0, 170, 170, 42, 34, 34, 34, 35, 35, 34, 34, 2, 0, 0, 0, 0, 0,
]

/** Constants of 32 bits. Read from memory they are loaded once; written as constants, V8 would make each anew for every 16 pixels. */
const SPLATS: StaticArray<u32> = [
  0x01010101, 0x02020202, 0x04040404, 0x05050505, 0x06060606, 0x07070707, 0x10101010,
  0x0000ffff, 0x00ff00ff, 0x00800080, 0x00c100c1, 0xfe01fe01, // 65535, 255, 128, 193, 65025
  0x422a0000, 0x437f0000, 0x37810182, 0x47000000, 0x4b000000, // 42.5, 255, 1 / 65025, 2^15, 2^23
]

// @ts-ignore: decorator
@inline function splat(i: usize): v128 {
  return v128.load32_splat(changetype<usize>(SPLATS) + (i << 2))
}

// @ts-ignore: decorator
@inline function even(words: v128, mask: v128): v128 {
  return f32x4.convert_i32x4_s(v128.and(words, mask))
}

// @ts-ignore: decorator
@inline function odd(words: v128): v128 {
  return f32x4.convert_i32x4_s(i32x4.shr_u(words, 16))
}

/** The low halves of 32-bit lanes, back in the order that `even` and `odd` took them from. */
// @ts-ignore: decorator
@inline function merge(evens: v128, odds: v128): v128 {
  return v128.shuffle<u16>(evens, i32x4.shl(odds, 16), 0, 9, 2, 11, 4, 13, 6, 15)
}

/**
 * RGB planes, in place, 16 pixels at a time.
 *
 * A quotient below 256 plus 2^15 has, as a float, its whole part in bits 8 to 15 and its fraction in bits 0 to 7; plus 2^23, it is
 * rounded, in bits 0 to 7. That both are right for every quotient that there is was tried. Gray is 0 / 0, whose low bits are 0.
 *
 * @param turn added to the hue byte, which wraps
 */
export function hue(planes: usize, stride: usize, pixels: i32, turn: i32): void {
  const green = planes + stride
  const blue = planes + 2 * stride
  const bits = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128)
  const tableLow = v128.load(changetype<usize>(ROUNDED_UP))
  const tableHigh = v128.load(changetype<usize>(ROUNDED_UP), 16)
  const zero = i8x16.splat(0)
  const turns = i8x16.splat(<i8>turn)
  const one = splat(0)
  const two = splat(1)
  const four = splat(2)
  const five = splat(3)
  const six = splat(4)
  const seven = splat(5)
  const sixteen = splat(6)
  const lowWord = splat(7)
  const lowByte = splat(8)
  const half = splat(9)
  const by193 = splat(10)
  const square = splat(11)
  const scale = splat(12)
  const most255 = splat(13)
  const inverse = splat(14)
  const split = splat(15)
  const round = splat(16)
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
    const toBlue = v128.andnot(six, i8x16.eq(i8x16.max_u(first, second), first))
    const sector = v128.bitselect(toBlue, i8x16.add(four, i8x16.add(isGreen, isGreen)), isRed)
    const chroma0 = i16x8.extend_low_i8x16_u(chroma)
    const chroma1 = i16x8.extend_high_i8x16_u(chroma)
    const x0 = i16x8.add(
      i16x8.sub(i16x8.extend_low_i8x16_u(first), i16x8.extend_low_i8x16_u(second)),
      i16x8.mul(chroma0, i16x8.extend_low_i8x16_u(sector)),
    )
    const x1 = i16x8.add(
      i16x8.sub(i16x8.extend_high_i8x16_u(first), i16x8.extend_high_i8x16_u(second)),
      i16x8.mul(chroma1, i16x8.extend_high_i8x16_u(sector)),
    )
    const c0 = even(chroma0, lowWord)
    const c1 = odd(chroma0)
    const c2 = even(chroma1, lowWord)
    const c3 = odd(chroma1)
    const hue0 = merge(
      f32x4.add(f32x4.div(f32x4.mul(even(x0, lowWord), scale), c0), split),
      f32x4.add(f32x4.div(f32x4.mul(odd(x0), scale), c1), split),
    )
    const hue1 = merge(
      f32x4.add(f32x4.div(f32x4.mul(even(x1, lowWord), scale), c2), split),
      f32x4.add(f32x4.div(f32x4.mul(odd(x1), scale), c3), split),
    )
    const floor = i8x16.narrow_i16x8_u(i16x8.shr_u(hue0, 8), i16x8.shr_u(hue1, 8))
    const isWhole = i8x16.eq(i8x16.narrow_i16x8_u(v128.and(hue0, lowByte), v128.and(hue1, lowByte)), zero)
    const place = i8x16.narrow_i16x8_u(i16x8.shr_u(hue0, 11), i16x8.shr_u(hue1, 11))
    const row = v128.or(i8x16.swizzle(tableLow, place), i8x16.swizzle(tableHigh, i8x16.sub(place, sixteen)))
    const bit = i8x16.swizzle(bits, v128.and(floor, seven))
    // as a mask, up is -1: the table holds the bytes that stay
    const up = i8x16.eq(v128.and(row, bit), bit)
    const h = i8x16.add(i8x16.add(floor, turns), v128.and(up, isWhole))

    const most0 = i16x8.extend_low_i8x16_u(most)
    const most1 = i16x8.extend_high_i8x16_u(most)
    const v0 = even(most0, lowWord)
    const v1 = odd(most0)
    const v2 = even(most1, lowWord)
    const v3 = odd(most1)
    const s0 = i16x8.shr_u(
      merge(
        f32x4.add(f32x4.div(f32x4.mul(c0, most255), v0), split),
        f32x4.add(f32x4.div(f32x4.mul(c1, most255), v1), split),
      ),
      8,
    )
    const s1 = i16x8.shr_u(
      merge(
        f32x4.add(f32x4.div(f32x4.mul(c2, most255), v2), split),
        f32x4.add(f32x4.div(f32x4.mul(c3, most255), v3), split),
      ),
      8,
    )

    // And back: sector = floor(6 h / 255), within = 6 h - 255 sector, of which the low byte is all there is
    const turned = i8x16.narrow_i16x8_u(
      i16x8.shr_u(i16x8.mul(i16x8.extend_low_i8x16_u(h), by193), 13),
      i16x8.shr_u(i16x8.mul(i16x8.extend_high_i8x16_u(h), by193), 13),
    )
    const twice = i8x16.add(h, h)
    const within = i8x16.add(i8x16.add(i8x16.add(twice, twice), twice), turned)
    // Falling in the odd sectors, rising in the even ones
    const slope = v128.xor(within, i8x16.eq(v128.and(turned, one), zero))
    const m0 = i16x8.sub(square, i16x8.mul(s0, i16x8.extend_low_i8x16_u(slope)))
    const m1 = i16x8.sub(square, i16x8.mul(s1, i16x8.extend_high_i8x16_u(slope)))
    const middle = i8x16.narrow_i16x8_u(
      merge(
        f32x4.add(f32x4.mul(f32x4.mul(v0, even(m0, lowWord)), inverse), round),
        f32x4.add(f32x4.mul(f32x4.mul(v1, odd(m0)), inverse), round),
      ),
      merge(
        f32x4.add(f32x4.mul(f32x4.mul(v2, even(m1, lowWord)), inverse), round),
        f32x4.add(f32x4.mul(f32x4.mul(v3, odd(m1)), inverse), round),
      ),
    )
    const l0 = i16x8.add(i16x8.mul(most0, v128.xor(s0, lowByte)), half)
    const l1 = i16x8.add(i16x8.mul(most1, v128.xor(s1, lowByte)), half)
    const least = i8x16.narrow_i16x8_u(
      i16x8.shr_u(i16x8.add(l0, i16x8.shr_u(l0, 8)), 8),
      i16x8.shr_u(i16x8.add(l1, i16x8.shr_u(l1, 8)), 8),
    )
    // Of least <= middle <= most: most is red in sectors 0, 5, 6, green in 1, 2, blue in 3, 4; middle is green, red, blue by turns
    const third = i8x16.avgr_u(turned, zero)
    const green2 = i8x16.eq(third, one)
    const blue2 = i8x16.eq(third, two)
    const red1 = v128.or(i8x16.eq(turned, one), i8x16.eq(turned, four))
    const blue1 = v128.or(i8x16.eq(turned, two), i8x16.eq(turned, five))
    const newRed = i8x16.max_u(v128.andnot(most, v128.or(green2, blue2)), v128.and(middle, red1))
    const newGreen = i8x16.max_u(v128.and(most, green2), v128.andnot(middle, v128.or(red1, blue1)))
    const newBlue = i8x16.max_u(v128.and(most, blue2), v128.and(middle, blue1))
    v128.store(planes + i, i8x16.max_u(least, newRed))
    v128.store(green + i, i8x16.max_u(least, newGreen))
    v128.store(blue + i, i8x16.max_u(least, newBlue))
  }
}
