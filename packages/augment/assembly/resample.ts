import { bytes, zipHigh8, zipLow8 } from './lanes'

const BITS = 22

// @ts-ignore: decorator
@inline function cubic(value: f64): f64 {
  const x = Math.abs(value)
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
}

// @ts-ignore: decorator
@inline function triangle(value: f64): f64 {
  const x = Math.abs(value)
  return x < 1 ? 1 - x : 0
}

/**
 * Which pixels make each output pixel of an axis, and with what weights.
 *
 * A weight of 22 bits is split into high · 2^15 + low, so that products of 16 bits do. Four of them take 16 bytes:
 * low 0 1 2 3, high 0 1 2 3. What is left of the last four is zero.
 *
 * @param bounds for each output pixel its first input pixel and how many, i32
 * @param weights `stride` bytes for each output pixel
 * @param scratch room for the weights of one output pixel, f64
 * @returns stride
 */
export function taps(from: i32, to: i32, bicubic: bool, bounds: usize, weights: usize, scratch: usize): usize {
  const scale = <f64>from / <f64>to
  const stretch = Math.max(scale, 1)
  const support = (bicubic ? 2.0 : 1.0) * stretch
  const most = <i32>Math.ceil(support) * 2 + 1
  const stride = <usize>((most + 3) >> 2) << 4
  const inverse = 1 / stretch
  for (let i = 0; i < to; i++) {
    const center = (<f64>i + 0.5) * scale
    const first = max(<i32>(center - support + 0.5), 0)
    const count = min(<i32>(center + support + 0.5), from) - first
    let sum = 0.0
    for (let t = 0; t < count; t++) {
      const x = (<f64>(t + first) - center + 0.5) * inverse
      const w = bicubic ? cubic(x) : triangle(x)
      store<f64>(scratch + (<usize>t << 3), w)
      sum += w
    }
    const base = weights + <usize>i * stride
    memory.fill(base, 0, stride)
    for (let t = 0; t < count; t++) {
      const v = (load<f64>(scratch + (<usize>t << 3)) / sum) * <f64>(1 << BITS)
      const k = <i32>(v < 0 ? v - 0.5 : v + 0.5) // round half away from zero
      const place = base + (<usize>(t >> 2) << 4) + (<usize>(t & 3) << 1)
      store<i16>(place, <i16>(k & 0x7fff))
      store<i16>(place, <i16>(k >> 15), 8)
    }
    store<i32>(bounds + (<usize>i << 3), first)
    store<i32>(bounds + (<usize>i << 3), count, 4)
  }
  return stride
}

// @ts-ignore: decorator
@inline function total(low: v128, high: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, 15), low), BITS)
}

/**
 * The horizontal pass over some rows of interleaved pixels, four rows at a time: each weight is loaded once for all four. Reads up to 16
 * bytes beyond the last pixel of a row, writes up to 3 beyond its last.
 *
 * @param out rows `outStride` bytes apart
 */
export function horizontal(
  source: usize,
  sourceStride: usize,
  rows: i32,
  channels: i32,
  width: i32,
  flip: bool,
  bounds: usize,
  weights: usize,
  stride: usize,
  out: usize,
  outStride: usize,
): void {
  // Pixels 0 and 1, then 2 and 3: byte pairs of one channel, widened to 16 bits, in a 32-bit lane each. As constants: a swizzle by
  // a mask that may be anything takes one instruction more.
  if (channels == 3)
    rowsOf(
      i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1),
      i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1),
      3, source, sourceStride, rows, width, flip, bounds, weights, stride, out, outStride,
    )
  else if (channels == 1)
    rowsOf(
      i8x16(0, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1),
      i8x16(2, -1, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1),
      1, source, sourceStride, rows, width, flip, bounds, weights, stride, out, outStride,
    )
  else
    rowsOf(
      i8x16(0, -1, 4, -1, 1, -1, 5, -1, 2, -1, 6, -1, 3, -1, 7, -1),
      i8x16(8, -1, 12, -1, 9, -1, 13, -1, 10, -1, 14, -1, 11, -1, 15, -1),
      4, source, sourceStride, rows, width, flip, bounds, weights, stride, out, outStride,
    )
}

// @ts-ignore: decorator
@inline function rowsOf(
  near: v128, far: v128, C: usize, source: usize, sourceStride: usize, rows: i32, width: i32, flip: bool, bounds: usize,
  weights: usize, stride: usize, out: usize, outStride: usize,
): void {
  const half = i32x4.splat(1 << (BITS - 1))
  const zero = i32x4.splat(0)
  const boundsStep: usize = flip ? <usize>-8 : 8
  const weightsStep: usize = flip ? 0 - stride : stride
  const last: usize = flip ? <usize>(width - 1) : 0
  const four = C << 2
  for (let y = 0; y < rows; y += 4) {
    const y1 = min(y + 1, rows - 1)
    const y2 = min(y + 2, rows - 1)
    const y3 = min(y + 3, rows - 1)
    const s0 = source + <usize>y * sourceStride
    const s1 = source + <usize>y1 * sourceStride
    const s2 = source + <usize>y2 * sourceStride
    const s3 = source + <usize>y3 * sourceStride
    let o0 = out + <usize>y * outStride
    let o1 = out + <usize>y1 * outStride
    let o2 = out + <usize>y2 * outStride
    let o3 = out + <usize>y3 * outStride
    let b = bounds + (last << 3)
    let ws = weights + last * stride
    for (let x = 0; x < width; x++) {
      let n = load<i32>(b, 4)
      let w = ws
      let p = <usize>load<i32>(b) * C
      b += boundsStep
      ws += weightsStep
      let l0 = half
      let l1 = half
      let l2 = half
      let l3 = half
      let h0 = zero
      let h1 = zero
      let h2 = zero
      let h3 = zero
      let q: v128
      let r: v128
      while (n > 2) {
        const la = v128.load32_splat(w)
        const lb = v128.load32_splat(w, 4)
        const ha = v128.load32_splat(w, 8)
        const hb = v128.load32_splat(w, 12)
        let pixels = v128.load(s0 + p)
        q = i8x16.swizzle(pixels, near)
        r = i8x16.swizzle(pixels, far)
        l0 = i32x4.add(i32x4.add(l0, i32x4.dot_i16x8_s(q, la)), i32x4.dot_i16x8_s(r, lb))
        h0 = i32x4.add(i32x4.add(h0, i32x4.dot_i16x8_s(q, ha)), i32x4.dot_i16x8_s(r, hb))
        pixels = v128.load(s1 + p)
        q = i8x16.swizzle(pixels, near)
        r = i8x16.swizzle(pixels, far)
        l1 = i32x4.add(i32x4.add(l1, i32x4.dot_i16x8_s(q, la)), i32x4.dot_i16x8_s(r, lb))
        h1 = i32x4.add(i32x4.add(h1, i32x4.dot_i16x8_s(q, ha)), i32x4.dot_i16x8_s(r, hb))
        pixels = v128.load(s2 + p)
        q = i8x16.swizzle(pixels, near)
        r = i8x16.swizzle(pixels, far)
        l2 = i32x4.add(i32x4.add(l2, i32x4.dot_i16x8_s(q, la)), i32x4.dot_i16x8_s(r, lb))
        h2 = i32x4.add(i32x4.add(h2, i32x4.dot_i16x8_s(q, ha)), i32x4.dot_i16x8_s(r, hb))
        pixels = v128.load(s3 + p)
        q = i8x16.swizzle(pixels, near)
        r = i8x16.swizzle(pixels, far)
        l3 = i32x4.add(i32x4.add(l3, i32x4.dot_i16x8_s(q, la)), i32x4.dot_i16x8_s(r, lb))
        h3 = i32x4.add(i32x4.add(h3, i32x4.dot_i16x8_s(q, ha)), i32x4.dot_i16x8_s(r, hb))
        w += 16
        p += four
        n -= 4
      }
      if (n > 0) {
        const la = v128.load32_splat(w)
        const ha = v128.load32_splat(w, 8)
        q = i8x16.swizzle(v128.load64_zero(s0 + p), near)
        l0 = i32x4.add(l0, i32x4.dot_i16x8_s(q, la))
        h0 = i32x4.add(h0, i32x4.dot_i16x8_s(q, ha))
        q = i8x16.swizzle(v128.load64_zero(s1 + p), near)
        l1 = i32x4.add(l1, i32x4.dot_i16x8_s(q, la))
        h1 = i32x4.add(h1, i32x4.dot_i16x8_s(q, ha))
        q = i8x16.swizzle(v128.load64_zero(s2 + p), near)
        l2 = i32x4.add(l2, i32x4.dot_i16x8_s(q, la))
        h2 = i32x4.add(h2, i32x4.dot_i16x8_s(q, ha))
        q = i8x16.swizzle(v128.load64_zero(s3 + p), near)
        l3 = i32x4.add(l3, i32x4.dot_i16x8_s(q, la))
        h3 = i32x4.add(h3, i32x4.dot_i16x8_s(q, ha))
      }
      const z = bytes(total(l0, h0), total(l1, h1), total(l2, h2), total(l3, h3))
      v128.store32_lane(o0, z, 0)
      v128.store32_lane(o1, z, 1)
      v128.store32_lane(o2, z, 2)
      v128.store32_lane(o3, z, 3)
      o0 += C
      o1 += C
      o2 += C
      o3 += C
    }
  }
}

/** 16 bytes of one output row, from `count` rows; with an odd count one row more is read, and weighs nothing. */
function column(source: usize, sourceStride: usize, count: i32, weights: usize): v128 {
  const half = i32x4.splat(1 << (BITS - 1))
  const zero = i32x4.splat(0)
  let l0 = half
  let l1 = half
  let l2 = half
  let l3 = half
  let h0 = zero
  let h1 = zero
  let h2 = zero
  let h3 = zero
  let p = source
  let w = weights
  for (let i = 0; i < count; i += 2) {
    const upper = v128.load(p)
    const lower = v128.load(p + sourceStride)
    const low = v128.load32_splat(w)
    const high = v128.load32_splat(w, 8)
    const left = zipLow8(upper, lower)
    const right = zipHigh8(upper, lower)
    let pairs = i16x8.extend_low_i8x16_u(left)
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(pairs, low))
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(pairs, high))
    pairs = i16x8.extend_high_i8x16_u(left)
    l1 = i32x4.add(l1, i32x4.dot_i16x8_s(pairs, low))
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(pairs, high))
    pairs = i16x8.extend_low_i8x16_u(right)
    l2 = i32x4.add(l2, i32x4.dot_i16x8_s(pairs, low))
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(pairs, high))
    pairs = i16x8.extend_high_i8x16_u(right)
    l3 = i32x4.add(l3, i32x4.dot_i16x8_s(pairs, low))
    h3 = i32x4.add(h3, i32x4.dot_i16x8_s(pairs, high))
    p += sourceStride << 1
    w += i & 2 ? 12 : 4
  }
  return bytes(total(l0, h0), total(l1, h1), total(l2, h2), total(l3, h3))
}

/** The vertical pass: rows of interleaved pixels -> planes. One row beyond the last, and 64 bytes beyond that, have to be readable. */
export function vertical(
  source: usize,
  sourceStride: usize,
  channels: i32,
  width: i32,
  height: i32,
  bounds: usize,
  weights: usize,
  stride: usize,
  planes: usize,
  planeStride: usize,
): void {
  for (let y = 0; y < height; y++) {
    const rows = source + <usize>load<i32>(bounds + (<usize>y << 3)) * sourceStride
    const count = load<i32>(bounds + (<usize>y << 3), 4)
    const w = weights + <usize>y * stride
    let o = planes + <usize>(y * width)
    for (let x = 0; x < width; x += 16) {
      const p = rows + <usize>(x * channels)
      const a = column(p, sourceStride, count, w)
      if (channels == 1) v128.store(o, a)
      else {
        const b = column(p + 16, sourceStride, count, w)
        const c = column(p + 32, sourceStride, count, w)
        if (channels == 3) {
          let t = v128.shuffle<u8>(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0)
          v128.store(o, v128.shuffle<u8>(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29))
          t = v128.shuffle<u8>(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0)
          v128.store(o + planeStride, v128.shuffle<u8>(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30))
          t = v128.shuffle<u8>(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0)
          v128.store(o + 2 * planeStride, v128.shuffle<u8>(t, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31))
        } else {
          const d = column(p + 48, sourceStride, count, w)
          // 4 x 4 blocks of bytes, twice over
          const ab = v128.shuffle<u8>(a, b, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29)
          const cd = v128.shuffle<u8>(c, d, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29)
          v128.store(o, v128.shuffle<u64>(ab, cd, 0, 2))
          v128.store(o + planeStride, v128.shuffle<u64>(ab, cd, 1, 3))
          const ef = v128.shuffle<u8>(a, b, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31)
          const gh = v128.shuffle<u8>(c, d, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31)
          v128.store(o + 2 * planeStride, v128.shuffle<u64>(ef, gh, 0, 2))
          v128.store(o + 3 * planeStride, v128.shuffle<u64>(ef, gh, 1, 3))
        }
      }
      o += 16
    }
  }
}

/** x / 255, rounded, for x up to 255². */
// @ts-ignore: decorator
@inline function over255(x: i32): i32 {
  const t = x + 128
  return (t + (t >> 8)) >> 8
}

/** RGBA with its colours multiplied by alpha, in place. */
export function premultiply(pixels: usize, count: i32): void {
  for (let p = pixels, end = pixels + 4 * <usize>count; p < end; p += 4) {
    const alpha = <i32>load<u8>(p, 3)
    store<u8>(p, over255(<i32>load<u8>(p) * alpha))
    store<u8>(p, over255(<i32>load<u8>(p, 1) * alpha), 1)
    store<u8>(p, over255(<i32>load<u8>(p, 2) * alpha), 2)
  }
}

/** Back to plain colours; planes, in place. */
export function unpremultiply(planes: usize, planeStride: usize, count: i32): void {
  const alphas = planes + 3 * planeStride
  for (let i: usize = 0; i < <usize>count; i++) {
    const alpha = <i32>load<u8>(alphas + i)
    if (alpha == 0 || alpha == 255) continue
    for (let c: usize = 0; c < 3; c++) {
      const p = planes + c * planeStride + i
      store<u8>(p, min((255 * <i32>load<u8>(p)) / alpha, 255))
    }
  }
}
