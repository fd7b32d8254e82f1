import type { Image } from './image.js'
import { kernels } from './kernels.js'
import { premultiply, unpremultiply } from './premultiply.js'

/** A rectangle of an image, in pixels. */
export interface Box {
  top: number
  left: number
  height: number
  width: number
}

/** Both are antialiased: when shrinking, the filter is stretched over all the pixels that an output pixel covers. */
export type Interpolation = 'bicubic' | 'bilinear'

/** Which input pixels make each output pixel of one axis, and with what weights. */
interface Taps {
  /** First input pixel of each output pixel. */
  first: Int32Array
  /** How many input pixels. */
  count: Int32Array
  /** `stride` weights for each output pixel, scaled by 2^22. */
  weights: Int32Array
  stride: number
}

const BITS = 22
const HALF = 1 << (BITS - 1)

/**
 * Cuts `box` out of an image, resizes it to width × height and writes it to `out`, mirrored if `flip`.
 *
 * Pillow's arithmetic before version 13, which turned the passes round: weights of 22 bits, horizontal pass first, 8 bits between
 * the passes. The box is cut first, so nothing outside it leaks in. Reference: `Resample.c`; METHOD 5.6.
 */
export function resample(
  image: Image,
  box: Box,
  width: number,
  height: number,
  interpolation: Interpolation,
  flip: boolean,
  out: Uint8Array,
): void {
  const module = kernels()
  if (!module) {
    resamplePlain(image, box, width, height, interpolation, flip, out)
    return
  }
  try {
    module.resample(image, box, width, height, interpolation, flip)
    module.store(out)
  } finally {
    module.end()
  }
}

/** The same as it is defined. */
export function resamplePlain(
  image: Image,
  box: Box,
  width: number,
  height: number,
  interpolation: Interpolation,
  flip: boolean,
  out: Uint8Array,
): void {
  const C = image.channels
  let source = image.data
  let stride = image.width * C
  let start = box.top * stride + box.left * C
  if (C === 4) {
    // Pillow resizes RGBA premultiplied, so that the colour of transparent pixels does not bleed
    source = premultiply(image, box, (premultiplied = room(premultiplied, box.width * box.height * 4)))
    stride = box.width * 4
    start = 0
  }
  const between = (rows = room(rows, box.height * width * C))
  horizontal(source, start, stride, box.height, taps(box.width, width, interpolation), width, C, flip, between)
  vertical(between, width * C, taps(box.height, height, interpolation), height, out)
  if (C === 4) unpremultiply(out, width * height)
}

let rows = new Uint8Array(0) // between the passes: [box.height, width, C]
let premultiplied = new Uint8Array(0) // the box of an RGBA image

function room(buffer: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  return buffer.length >= bytes ? buffer : new Uint8Array(bytes)
}

/** Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`. */
function taps(from: number, to: number, interpolation: Interpolation): Taps {
  const filter = interpolation === 'bicubic' ? cubic : triangle
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const support = (interpolation === 'bicubic' ? 2 : 1) * stretch
  const stride = Math.ceil(support) * 2 + 1
  const first = new Int32Array(to)
  const count = new Int32Array(to)
  const weights = new Int32Array(to * stride)
  const w = new Float64Array(stride)
  const inverse = 1 / stretch
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale
    const low = Math.max(Math.trunc(center - support + 0.5), 0)
    const n = Math.min(Math.trunc(center + support + 0.5), from) - low
    let sum = 0
    for (let t = 0; t < n; t++) sum += w[t] = filter((t + low - center + 0.5) * inverse)
    // round half away from zero
    for (let t = 0; t < n; t++) {
      const v = (w[t]! / sum) * (1 << BITS)
      weights[i * stride + t] = v < 0 ? v - 0.5 : v + 0.5
    }
    first[i] = low
    count[i] = n
  }
  return { first, count, weights, stride }
}

/** Keys' cubic with a = -0.5. */
function cubic(x: number): number {
  x = Math.abs(x)
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
}

function triangle(x: number): number {
  x = Math.abs(x)
  return x < 1 ? 1 - x : 0
}

function horizontal(
  source: Uint8Array,
  start: number,
  stride: number,
  height: number,
  taps: Taps,
  width: number,
  C: 1 | 3 | 4,
  flip: boolean,
  out: Uint8Array,
): void {
  if (C === 3) {
    horizontalRgb(source, start, stride, height, taps, width, flip, out)
    return
  }
  const { first, count, weights, stride: k } = taps
  for (let y = 0; y < height; y++) {
    const row = start + y * stride
    for (let x = 0; x < width; x++) {
      const o = (y * width + (flip ? width - 1 - x : x)) * C
      const n = count[x]!
      const q = x * k
      for (let c = 0; c < C; c++) {
        let sum = HALF
        for (let t = 0, p = row + first[x]! * C + c; t < n; t++, p += C) sum += Math.imul(source[p]!, weights[q + t]!)
        out[o + c] = clip(sum >> BITS)
      }
    }
  }
}

/** Two rows at a time: each weight is loaded once for six products. */
function horizontalRgb(
  source: Uint8Array,
  start: number,
  stride: number,
  height: number,
  { first, count, weights, stride: k }: Taps,
  width: number,
  flip: boolean,
  out: Uint8Array,
): void {
  const outStride = width * 3
  for (let y = 0; y < height; y += 2) {
    const row = start + y * stride
    const down = y + 1 < height ? stride : 0 // the last row of an odd number is done twice
    const outDown = y + 1 < height ? outStride : 0
    for (let x = 0; x < width; x++) {
      let p = row + first[x]! * 3
      let r0 = HALF
      let g0 = HALF
      let b0 = HALF
      let r1 = HALF
      let g1 = HALF
      let b1 = HALF
      for (let q = x * k, end = q + count[x]!; q < end; q++, p += 3) {
        const w = weights[q]!
        r0 = (r0 + Math.imul(source[p]!, w)) | 0
        g0 = (g0 + Math.imul(source[p + 1]!, w)) | 0
        b0 = (b0 + Math.imul(source[p + 2]!, w)) | 0
        const d = p + down
        r1 = (r1 + Math.imul(source[d]!, w)) | 0
        g1 = (g1 + Math.imul(source[d + 1]!, w)) | 0
        b1 = (b1 + Math.imul(source[d + 2]!, w)) | 0
      }
      const o = y * outStride + (flip ? width - 1 - x : x) * 3
      out[o] = clip(r0 >> BITS)
      out[o + 1] = clip(g0 >> BITS)
      out[o + 2] = clip(b0 >> BITS)
      const e = o + outDown
      out[e] = clip(r1 >> BITS)
      out[e + 1] = clip(g1 >> BITS)
      out[e + 2] = clip(b1 >> BITS)
    }
  }
}

/** Four bytes of a row at a time: each weight is loaded once for four products. */
function vertical(source: Uint8Array, stride: number, taps: Taps, height: number, out: Uint8Array): void {
  const { first, count, weights, stride: k } = taps
  const fours = stride & ~3
  for (let y = 0; y < height; y++) {
    const top = first[y]! * stride
    const q0 = y * k
    const end = q0 + count[y]!
    const o = y * stride
    for (let x = 0; x < fours; x += 4) {
      let s0 = HALF
      let s1 = HALF
      let s2 = HALF
      let s3 = HALF
      for (let q = q0, p = top + x; q < end; q++, p += stride) {
        const w = weights[q]!
        s0 = (s0 + Math.imul(source[p]!, w)) | 0
        s1 = (s1 + Math.imul(source[p + 1]!, w)) | 0
        s2 = (s2 + Math.imul(source[p + 2]!, w)) | 0
        s3 = (s3 + Math.imul(source[p + 3]!, w)) | 0
      }
      out[o + x] = clip(s0 >> BITS)
      out[o + x + 1] = clip(s1 >> BITS)
      out[o + x + 2] = clip(s2 >> BITS)
      out[o + x + 3] = clip(s3 >> BITS)
    }
    for (let x = fours; x < stride; x++) {
      let sum = HALF
      for (let q = q0, p = top + x; q < end; q++, p += stride) sum = (sum + Math.imul(source[p]!, weights[q]!)) | 0
      out[o + x] = clip(sum >> BITS)
    }
  }
}

function clip(v: number): number {
  return Math.min(Math.max(v, 0), 255)
}
