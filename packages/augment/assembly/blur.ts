import { load8, zipHigh16, zipLow16 } from './lanes'

/**
 * (near · inner + far · outer + 2^23) >> 24 of 8 pixels. The weights of 24 bits are split in high · 2^16 + low, with a sign for low: what
 * the high parts add up to modulo 2^16 is all that is needed, for the whole is below.
 */
// @ts-ignore: decorator
@inline function box(near: v128, far: v128, low: v128, highNear: v128, highFar: v128, half: v128): v128 {
  const a = i32x4.shr_s(i32x4.dot_i16x8_s(zipLow16(near, far), low), 16)
  const b = i32x4.shr_s(i32x4.dot_i16x8_s(zipHigh16(near, far), low), 16)
  const high = i16x8.add(i16x8.mul(near, highNear), i16x8.mul(far, highFar))
  return i16x8.shr_u(i16x8.add(i16x8.add(i16x8.narrow_i32x4_s(a, b), half), high), 8)
}

/** One pass along n bytes of 16-bit pixels, from the pixels two before to two after; up to 14 bytes more are written. */
// @ts-ignore: decorator
@inline function pass(
  before2: usize, before: usize, at: usize, after: usize, after2: usize, out: usize, n: usize, R: i32, low: v128, highNear: v128,
  highFar: v128, half: v128,
): void {
  if (R == 0)
    for (let i: usize = 0; i < n; i += 16) {
      const far = i16x8.add(v128.load(before + i), v128.load(after + i))
      v128.store(out + i, box(v128.load(at + i), far, low, highNear, highFar, half))
    }
  else
    for (let i: usize = 0; i < n; i += 16) {
      const near = i16x8.add(v128.load(at + i), i16x8.add(v128.load(before + i), v128.load(after + i)))
      const far = i16x8.add(v128.load(before2 + i), v128.load(after2 + i))
      v128.store(out + i, box(near, far, low, highNear, highFar, half))
    }
}

/** Repeats the borders of a row of 16-bit pixels twice. */
// @ts-ignore: decorator
@inline function repeat(row: usize, bytes: usize): void {
  store<u32>(row - 4, <u32>load<u16>(row) * 65537)
  store<u32>(row + bytes, <u32>load<u16>(row + bytes - 2) * 65537)
}

/**
 * Three box blurs along the rows and three down the columns of a plane. Radius R with weights of 24 bits for the 2 R + 1 pixels within
 * (`inner`) and the two beyond (`outer`).
 *
 * @param line room for two rows of 16-bit pixels with R + 1 more at each side, and 64 bytes
 * @param field room for two planes of 16-bit pixels, and 64 bytes
 */
export function boxBlur(
  plane: usize, width: i32, height: i32, R: i32, inner: i32, outer: i32, line: usize, field: usize,
): void {
  const w = <usize>width
  const n = w * <usize>height
  let a = field
  let b = field + 2 * n + 32
  const bytes = w << 1
  if (R > 1) wideRows(plane, w, height, R, inner, outer, line, a)
  store<i32>(line, (inner & 0xffff) | (outer << 16))
  store<i16>(line, <i16>((inner + 0x8000) >> 16), 4)
  store<i16>(line, <i16>((outer + 0x8000) >> 16), 6)
  store<i16>(line, 128, 8)
  const low = v128.load32_splat(line) // by way of memory: V8 would do all of this in each loop
  const highNear = v128.load16_splat(line, 4)
  const highFar = v128.load16_splat(line, 6)
  const half = v128.load16_splat(line, 8)
  if (R < 2)
    for (let y = 0; y < height; y++) {
      const row = plane + <usize>y * w
      let from = line + 16
      let to = from + bytes + 48
      for (let i: usize = 0; i < w; i += 8) v128.store(from + 2 * i, load8(row + i))
      for (let round = 0; round < 3; round++) {
        repeat(from, bytes)
        const out = round < 2 ? to : a + bytes * <usize>y
        pass(from - 4, from - 2, from, from + 2, from + 4, out, bytes, R, low, highNear, highFar, half)
        to = from
        from = out
      }
    }
  const last = height - 1
  for (let round = 0; round < 3; round++) {
    if (R > 1) wideColumns(a, b, w, height, R, inner, outer, line)
    else
      for (let y = 0; y < height; y++)
        pass(
          a + bytes * <usize>max(y - 2, 0), a + bytes * <usize>max(y - 1, 0), a + bytes * <usize>y,
          a + bytes * <usize>min(y + 1, last), a + bytes * <usize>min(y + 2, last),
          b + bytes * <usize>y, bytes, R, low, highNear, highFar, half,
        )
    const t = a
    a = b
    b = t
  }
  for (let i: usize = 0; i < n; i += 16) {
    v128.store(plane + i, i8x16.narrow_i16x8_u(v128.load(a + 2 * i), v128.load(a + 2 * i + 16)))
  }
}

/** Any radius, by running sums: three passes along each row. */
function wideRows(plane: usize, w: usize, height: i32, R: i32, inner: i32, outer: i32, line: usize, out: usize): void {
  const pad = <usize>(R + 1) << 1
  const bytes = w << 1
  for (let y = 0; y < height; y++) {
    let from = line + pad
    let to = from + bytes + 2 * pad
    const row = plane + <usize>y * w
    for (let i: usize = 0; i < w; i++) store<u16>(from + 2 * i, load<u8>(row + i))
    for (let round = 0; round < 3; round++) {
      if (round == 2) to = out + bytes * <usize>y
      for (let i: usize = 2; i <= pad; i += 2) {
        store<u16>(from - i, load<u16>(from))
        store<u16>(from + bytes + i - 2, load<u16>(from + bytes - 2))
      }
      let sum: u32 = 0 // of the box around the pixel before the first
      for (let p = from - pad; p < from + pad - 2; p += 2) sum += load<u16>(p)
      for (let i: usize = 0; i < bytes; i += 2) {
        const before = <u32>load<u16>(from + i - pad)
        sum += <u32>load<u16>(from + i + pad - 2) - before
        const far = before + <u32>load<u16>(from + i + pad)
        store<u16>(to + i, <u16>((sum * <u32>inner + far * <u32>outer + (1 << 23)) >> 24))
      }
      const t = from
      from = to
      to = t
    }
  }
}

/** One pass down all columns, a row at a time; `sums` has room for a row of 32 bits. */
function wideColumns(
  from: usize, to: usize, w: usize, height: i32, R: i32, inner: i32, outer: i32, sums: usize,
): void {
  const bytes = w << 1
  const last = height - 1
  memory.fill(sums, 0, w << 2)
  for (let y = -R - 1; y < R; y++) {
    const row = from + bytes * <usize>min(max(y, 0), last)
    for (let i: usize = 0; i < w; i++) store<u32>(sums + 4 * i, load<u32>(sums + 4 * i) + load<u16>(row + 2 * i))
  }
  for (let y = 0; y < height; y++) {
    const before = from + bytes * <usize>min(max(y - R - 1, 0), last)
    const enters = from + bytes * <usize>min(y + R, last)
    const after = from + bytes * <usize>min(y + R + 1, last)
    const out = to + bytes * <usize>y
    for (let i: usize = 0; i < bytes; i += 2) {
      const leaves = <u32>load<u16>(before + i)
      const sum = load<u32>(sums + 2 * i) + load<u16>(enters + i) - leaves
      store<u32>(sums + 2 * i, sum)
      const far = leaves + load<u16>(after + i)
      store<u16>(out + i, <u16>((sum * <u32>inner + far * <u32>outer + (1 << 23)) >> 24))
    }
  }
}
