import { load8, zipHigh16, zipLow16 } from './lanes'

/** (near · inner + far · outer + 2^23) >> 24 of 8 pixels; the weights of 24 bits are split in two. */
// @ts-ignore: decorator
@inline function box(near: v128, far: v128, low: v128, high: v128): v128 {
  const half = i32x4.splat(1 << 23)
  const a = zipLow16(near, far)
  const b = zipHigh16(near, far)
  const x = i32x4.add(i32x4.shl(i32x4.dot_i16x8_s(a, high), 15), i32x4.dot_i16x8_s(a, low))
  const y = i32x4.add(i32x4.shl(i32x4.dot_i16x8_s(b, high), 15), i32x4.dot_i16x8_s(b, low))
  return i16x8.narrow_i32x4_s(i32x4.shr_u(i32x4.add(x, half), 24), i32x4.shr_u(i32x4.add(y, half), 24))
}

/** One pass along n bytes of 16-bit pixels, from the pixels two before to two after; up to 14 bytes more are written. */
// @ts-ignore: decorator
@inline function pass(
  before2: usize, before: usize, at: usize, after: usize, after2: usize, out: usize, n: usize, R: i32, low: v128, high: v128,
): void {
  if (R == 0)
    for (let i: usize = 0; i < n; i += 16) {
      const far = i16x8.add(v128.load(before + i), v128.load(after + i))
      v128.store(out + i, box(v128.load(at + i), far, low, high))
    }
  else
    for (let i: usize = 0; i < n; i += 16) {
      const near = i16x8.add(v128.load(at + i), i16x8.add(v128.load(before + i), v128.load(after + i)))
      const far = i16x8.add(v128.load(before2 + i), v128.load(after2 + i))
      v128.store(out + i, box(near, far, low, high))
    }
}

/** Repeats the borders of a row of 16-bit pixels twice. */
// @ts-ignore: decorator
@inline function repeat(row: usize, bytes: usize): void {
  store<u32>(row - 4, <u32>load<u16>(row) * 65537)
  store<u32>(row + bytes, <u32>load<u16>(row + bytes - 2) * 65537)
}

// @ts-ignore: decorator
@inline function down(from: usize, to: usize, bytes: usize, height: i32, R: i32, low: v128, high: v128): void {
  const last = height - 1
  for (let y = 0; y < height; y++) {
    pass(
      from + bytes * <usize>max(y - 2, 0), from + bytes * <usize>max(y - 1, 0), from + bytes * <usize>y,
      from + bytes * <usize>min(y + 1, last), from + bytes * <usize>min(y + 2, last),
      to + bytes * <usize>y, bytes, R, low, high,
    )
  }
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
  const a = field
  const b = field + 2 * n + 32
  if (R > 1) wideRows(plane, w, height, R, inner, outer, line, a)
  else {
    const low = i32x4.splat((inner & 0x7fff) | ((outer & 0x7fff) << 16))
    const high = i32x4.splat((inner >> 15) | ((outer >> 15) << 16))
    const bytes = w << 1
    const A = line + 16
    const B = A + bytes + 48
    for (let y = 0; y < height; y++) {
      const row = plane + <usize>y * w
      for (let i: usize = 0; i < w; i += 8) v128.store(A + 2 * i, load8(row + i))
      repeat(A, bytes)
      pass(A - 4, A - 2, A, A + 2, A + 4, B, bytes, R, low, high)
      repeat(B, bytes)
      pass(B - 4, B - 2, B, B + 2, B + 4, A, bytes, R, low, high)
      repeat(A, bytes)
      pass(A - 4, A - 2, A, A + 2, A + 4, a + bytes * <usize>y, bytes, R, low, high)
    }
    down(a, b, bytes, height, R, low, high)
    down(b, a, bytes, height, R, low, high)
    down(a, b, bytes, height, R, low, high)
  }
  if (R > 1) {
    wideColumns(a, b, w, height, R, inner, outer, line)
    wideColumns(b, a, w, height, R, inner, outer, line)
    wideColumns(a, b, w, height, R, inner, outer, line)
  }
  for (let i: usize = 0; i < n; i += 16) {
    v128.store(plane + i, i8x16.narrow_i16x8_u(v128.load(b + 2 * i), v128.load(b + 2 * i + 16)))
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
