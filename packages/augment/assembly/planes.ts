import { zipHigh8, zipLow8 } from './lanes'

/** Interleaved pixels -> planes. `stride` is the distance between planes. */
export function deinterleave(source: usize, pixels: i32, channels: i32, planes: usize, stride: usize): void {
  if (channels == 1) {
    memory.copy(planes, source, pixels)
    return
  }
  for (let c = 0; c < channels; c++) {
    let p = source + c
    const plane = planes + <usize>c * stride
    for (let i: usize = 0; i < <usize>pixels; i++) {
      store<u8>(plane + i, load<u8>(p))
      p += channels
    }
  }
}

/** Where the bytes of 16 pixels come from: of r and g zipped, low and high, and of b; in memory, as V8 makes constants anew in a loop. */
const INTO_THREE: StaticArray<u8> = [
  0, 1, 255, 2, 3, 255, 4, 5, 255, 6, 7, 255, 8, 9, 255, 10,
  255, 255, 0, 255, 255, 1, 255, 255, 2, 255, 255, 3, 255, 255, 4, 255,
  11, 255, 12, 13, 255, 14, 15, 255, 255, 255, 255, 255, 255, 255, 255, 255,
  255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 255, 2, 3, 255, 4, 5,
  255, 5, 255, 255, 6, 255, 255, 7, 255, 255, 8, 255, 255, 9, 255, 255,
  255, 6, 7, 255, 8, 9, 255, 10, 11, 255, 12, 13, 255, 14, 15, 255,
  10, 255, 255, 11, 255, 255, 12, 255, 255, 13, 255, 255, 14, 255, 255, 15,
]

/** Planes -> interleaved pixels; up to 47 bytes beyond the end of `out` are overwritten. */
export function interleave(planes: usize, stride: usize, pixels: i32, channels: i32, out: usize): void {
  const n = <usize>pixels
  if (channels == 1) memory.copy(out, planes, n)
  else if (channels == 3) {
    const masks = changetype<usize>(INTO_THREE)
    const m0 = v128.load(masks)
    const m1 = v128.load(masks, 16)
    const m2 = v128.load(masks, 32)
    const m3 = v128.load(masks, 48)
    const m4 = v128.load(masks, 64)
    const m5 = v128.load(masks, 80)
    const m6 = v128.load(masks, 96)
    for (let i: usize = 0; i < n; i += 16) {
      const r = v128.load(planes + i)
      const g = v128.load(planes + stride + i)
      const b = v128.load(planes + 2 * stride + i)
      const o = out + 3 * i
      const low = zipLow8(r, g)
      const high = zipHigh8(r, g)
      v128.store(o, v128.or(i8x16.swizzle(low, m0), i8x16.swizzle(b, m1)))
      const middle = v128.or(i8x16.swizzle(low, m2), i8x16.swizzle(high, m3))
      v128.store(o, v128.or(middle, i8x16.swizzle(b, m4)), 16)
      v128.store(o, v128.or(i8x16.swizzle(high, m5), i8x16.swizzle(b, m6)), 32)
    }
  } else {
    for (let i: usize = 0; i < n; i++) {
      const o = out + 4 * i
      store<u8>(o, load<u8>(planes + i))
      store<u8>(o, load<u8>(planes + stride + i), 1)
      store<u8>(o, load<u8>(planes + 2 * stride + i), 2)
      store<u8>(o, load<u8>(planes + 3 * stride + i), 3)
    }
  }
}
