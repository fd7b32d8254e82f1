import { bytes } from './lanes'

const BITS = 22

// Of 16 bytes of pixels: pixels 0 and 1, then 2 and 3, as pairs of 16 bits, one for each channel
const NEAR = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1)
const FAR = i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1)

// The same, the channels apart, and half of 2^22: in memory, to be read before a loop. A constant V8 makes anew each time round, which
// takes as long as using it does.
const MASKS: StaticArray<u8> = [
  0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, 255,
  6, 255, 9, 255, 7, 255, 10, 255, 8, 255, 11, 255, 255, 255, 255, 255,
  0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, 0, 0, 0, 0,
  0, 0, 32, 0,
]

// @ts-ignore: decorator
@inline function cubic(x: v128): v128 {
  const one = f64x2.splat(1)
  const inner = f64x2.add(f64x2.mul(f64x2.mul(f64x2.sub(f64x2.mul(f64x2.splat(1.5), x), f64x2.splat(2.5)), x), x), one)
  const third = f64x2.add(f64x2.mul(f64x2.sub(x, f64x2.splat(5)), x), f64x2.splat(8))
  const outer = f64x2.mul(f64x2.sub(f64x2.mul(third, x), f64x2.splat(4)), f64x2.splat(-0.5))
  return v128.bitselect(inner, v128.and(outer, f64x2.lt(x, f64x2.splat(2))), f64x2.lt(x, one))
}

// @ts-ignore: decorator
@inline function triangle(x: v128): v128 {
  const one = f64x2.splat(1)
  return v128.and(f64x2.sub(one, x), f64x2.lt(x, one))
}

/**
 * Which pixels make each output pixel of an axis, and with what weights.
 *
 * Pixels are taken in pairs, of which the first has an even place. A weight of 22 bits is split into high · 2^15 + low, so that products
 * of 16 bits do: a pair takes 8 bytes, low and low, high and high. What is not asked for weighs nothing.
 *
 * @param bounds for each output pixel its first pair and how many, two at least, i32
 * @param weights `stride` bytes for each output pixel
 * @param scratch room for the weights of one output pixel and one pair, f64
 * @returns stride
 */
export function taps(from: i32, to: i32, bicubic: bool, bounds: usize, weights: usize, scratch: usize): usize {
  const scale = <f64>from / <f64>to
  const stretch = Math.max(scale, 1)
  const support = (bicubic ? 2.0 : 1.0) * stretch
  const stride = (<usize>Math.ceil(support) + 1) << 3 // 2 ceil(support) + 1 pixels at most
  const inverse = 1 / stretch
  const isCubic = i64x2.splat(bicubic ? -1 : 0) // chosen without a branch: constants stay outside of the loop
  for (let i = 0; i < to; i++) {
    const center = (<f64>i + 0.5) * scale
    const first = max(<i32>(center - support + 0.5), 0)
    const last = min(<i32>(center + support + 0.5), from) - 1
    const pairs = max((last >> 1) - (first >> 1) + 1, 2)
    const end = scratch + (<usize>pairs << 4)
    let place = f64x2.add(f64x2.splat(<f64>(first & ~1)), f64x2(0, 1))
    let sum = 0.0
    for (let p = scratch; p < end; p += 16) {
      const away = f64x2.add(f64x2.sub(place, f64x2.splat(center)), f64x2.splat(0.5))
      const x = f64x2.abs(f64x2.mul(away, f64x2.splat(inverse)))
      const within = v128.and(f64x2.ge(place, f64x2.splat(<f64>first)), f64x2.le(place, f64x2.splat(<f64>last)))
      const w = v128.and(v128.bitselect(cubic(x), triangle(x), isCubic), within)
      v128.store(p, w)
      sum = sum + f64x2.extract_lane(w, 0) + f64x2.extract_lane(w, 1) // one by one, as Pillow does
      place = f64x2.add(place, f64x2.splat(2))
    }
    let o = weights + <usize>i * stride
    for (let p = scratch; p < end; p += 16) {
      const w = f64x2.mul(f64x2.div(v128.load(p), f64x2.splat(sum)), f64x2.splat(<f64>(1 << BITS)))
      const half = v128.bitselect(w, f64x2.splat(0.5), f64x2.splat(-0.0)) // rounds half away from zero
      const k = i32x4.trunc_sat_f64x2_s_zero(f64x2.add(w, half))
      const split = v128.shuffle<u64>(v128.and(k, i32x4.splat(0x7fff)), i32x4.shr_s(k, 15), 0, 2)
      v128.store64_lane(o, i16x8.narrow_i32x4_s(split, split), 0)
      o += 8
    }
    store<i32>(bounds + (<usize>i << 3), first >> 1)
    store<i32>(bounds + (<usize>i << 3), pairs, 4)
  }
  return stride
}

// @ts-ignore: decorator
@inline function total(low: v128, high: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.shl(high, 15), low), BITS)
}

/**
 * Weighted sums of 12 values as bytes: three vectors of four pairs each, in 16 bits, and the next pairs `step` bytes on. Nothing but
 * products and additions is left to this loop: that is what the pairs are laid out for. The first pairs are taken before it, so that no
 * zeros have to be made to add to.
 */
// @ts-ignore: decorator
@inline function weighted(half: v128, source: usize, step: usize, weights: usize, pairs: i32): v128 {
  let low = v128.load32_splat(weights)
  let high = v128.load32_splat(weights, 4)
  let q = v128.load(source)
  let l0 = i32x4.add(half, i32x4.dot_i16x8_s(q, low))
  let h0 = i32x4.dot_i16x8_s(q, high)
  q = v128.load(source, 16)
  let l1 = i32x4.add(half, i32x4.dot_i16x8_s(q, low))
  let h1 = i32x4.dot_i16x8_s(q, high)
  q = v128.load(source, 32)
  let l2 = i32x4.add(half, i32x4.dot_i16x8_s(q, low))
  let h2 = i32x4.dot_i16x8_s(q, high)
  let p = source
  let w = weights
  const end = weights + (<usize>pairs << 3) - 8
  do {
    low = v128.load32_splat(w, 8)
    high = v128.load32_splat(w, 12)
    p += step
    w += 8
    q = v128.load(p)
    l0 = i32x4.add(l0, i32x4.dot_i16x8_s(q, low))
    h0 = i32x4.add(h0, i32x4.dot_i16x8_s(q, high))
    q = v128.load(p, 16)
    l1 = i32x4.add(l1, i32x4.dot_i16x8_s(q, low))
    h1 = i32x4.add(h1, i32x4.dot_i16x8_s(q, high))
    q = v128.load(p, 32)
    l2 = i32x4.add(l2, i32x4.dot_i16x8_s(q, low))
    h2 = i32x4.add(h2, i32x4.dot_i16x8_s(q, high))
  } while (w < end)
  const last = total(l2, h2)
  return bytes(total(l0, h0), total(l1, h1), last, last)
}

/**
 * The horizontal pass over rows of three channels, interleaved, four rows at a time: they are laid out as pairs first. Reads up to 16
 * bytes beyond the last pixel of a row.
 *
 * @param columns pixels of a source row
 * @param bounds and weights of the first output pixel, and how many bytes on the next one's are: mirrored, from the last one back
 * @param group room for four rows as pairs: 24 bytes for a column, and 64
 * @param out two rows as pairs: [width, 3, 2] in 16 bits, `outStride` bytes apart; up to 4 bytes more are written
 */
export function horizontal(
  source: usize, sourceStride: usize, columns: i32, rows: i32, width: i32, bounds: usize, boundsStep: i32, weights: usize,
  weightsStep: i32, group: usize, out: usize, outStride: usize,
): void {
  const half = v128.load32_splat(changetype<usize>(MASKS), 48)
  const outNear = v128.load(changetype<usize>(MASKS))
  const outFar = v128.load(changetype<usize>(MASKS), 16)
  let pair = out
  for (let y = 0; y < rows; y += 4) {
    let s0 = source + <usize>y * sourceStride
    let s1 = source + <usize>min(y + 1, rows - 1) * sourceStride
    let s2 = source + <usize>min(y + 2, rows - 1) * sourceStride
    let s3 = source + <usize>min(y + 3, rows - 1) * sourceStride
    let o = group
    // What a store writes too much, the next one overwrites
    for (let x = 0; x < columns; x += 4) {
      const a = v128.load(s0)
      const b = v128.load(s1)
      const c = v128.load(s2)
      const d = v128.load(s3)
      v128.store(o, i8x16.swizzle(a, NEAR))
      v128.store(o, i8x16.swizzle(b, NEAR), 12)
      v128.store(o, i8x16.swizzle(c, NEAR), 24)
      v128.store(o, i8x16.swizzle(d, NEAR), 36)
      v128.store(o, i8x16.swizzle(a, FAR), 48)
      v128.store(o, i8x16.swizzle(b, FAR), 60)
      v128.store(o, i8x16.swizzle(c, FAR), 72)
      v128.store(o, i8x16.swizzle(d, FAR), 84)
      s0 += 12
      s1 += 12
      s2 += 12
      s3 += 12
      o += 96
    }
    let b = bounds
    let w = weights
    o = pair
    for (let x = 0; x < width; x++) {
      const z = weighted(half, group + <usize>(load<i32>(b) * 48), 48, w, load<i32>(b, 4))
      v128.store(o, i8x16.swizzle(z, outNear))
      v128.store(o + outStride, i8x16.swizzle(z, outFar))
      b += boundsStep
      w += weightsStep
      o += 12
    }
    pair += 2 * outStride
  }
}

/** The vertical pass: rows as pairs -> three planes, `rowStep` bytes from row to row. Up to 3 bytes beyond each row are written. */
export function vertical(
  source: usize, sourceStride: usize, width: i32, height: i32, bounds: usize, weights: usize, stride: usize, planes: usize,
  planeStride: usize, rowStep: usize,
): void {
  const half = v128.load32_splat(changetype<usize>(MASKS), 48)
  const planar = v128.load(changetype<usize>(MASKS), 32)
  let b = bounds
  let w = weights
  let row = planes
  for (let y = 0; y < height; y++) {
    let p = source + <usize>load<i32>(b) * sourceStride
    const pairs = load<i32>(b, 4)
    const end = row + width
    for (let o = row; o < end; o += 4) {
      const z = i8x16.swizzle(weighted(half, p, sourceStride, w, pairs), planar)
      v128.store32_lane(o, z, 0)
      v128.store32_lane(o + planeStride, z, 1)
      v128.store32_lane(o + 2 * planeStride, z, 2)
      p += 48
    }
    row += rowStep
    b += 8
    w += stride
  }
}

/** x / 255, rounded, for x up to 255². */
// @ts-ignore: decorator
@inline function over255(x: i32): i32 {
  const t = x + 128
  return (t + (t >> 8)) >> 8
}

/** Gray as three channels that are the same. */
export function triple(pixels: usize, count: i32, out: usize): void {
  for (let p = pixels, o = out, end = pixels + count; p < end; p++, o += 3) {
    const v = load<u8>(p)
    store<u8>(o, v)
    store<u8>(o, v, 1)
    store<u8>(o, v, 2)
  }
}

/** RGBA -> its colours multiplied by alpha, and three times its alpha. */
export function premultiply(pixels: usize, count: i32, colours: usize, alphas: usize): void {
  let a = alphas
  for (let p = pixels, o = colours, end = pixels + 4 * <usize>count; p < end; p += 4, o += 3, a += 3) {
    const alpha = <i32>load<u8>(p, 3)
    for (let c: usize = 0; c < 3; c++) {
      store<u8>(o + c, over255(<i32>load<u8>(p + c) * alpha))
      store<u8>(a + c, alpha)
    }
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
