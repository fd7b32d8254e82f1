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

/** A filter of the plain pipeline: its half width in pixels, and its value at a distance. A tuple: names would not be minified. */
export type Filter = readonly [support: number, weight: (x: number) => number]

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
  interpolation: Interpolation | Filter,
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
function taps(from: number, to: number, interpolation: Interpolation | Filter): Taps {
  const [reach, filter]: Filter =
    typeof interpolation === 'object' ? interpolation : interpolation === 'bicubic' ? [2, cubic] : [1, triangle]
  const scale = from / to
  const stretch = Math.max(scale, 1)
  const support = reach * stretch
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
  return Math.max(1 - Math.abs(x), 0)
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

function vertical(source: Uint8Array, stride: number, taps: Taps, height: number, out: Uint8Array): void {
  const { first, count, weights, stride: k } = taps
  for (let y = 0; y < height; y++) {
    const top = first[y]! * stride
    const q = y * k
    const n = count[y]!
    for (let x = 0; x < stride; x++) {
      let sum = HALF
      for (let t = 0, p = top + x; t < n; t++, p += stride) sum += Math.imul(source[p]!, weights[q + t]!)
      out[y * stride + x] = clip(sum >> BITS)
    }
  }
}

function clip(v: number): number {
  return Math.min(Math.max(v, 0), 255)
}
