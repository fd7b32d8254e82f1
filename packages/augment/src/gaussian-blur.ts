import { inRange } from './checks.js'
import type { Image } from './image.js'
import { operate } from './operate.js'

/**
 * Pillow's `ImageFilter.GaussianBlur`: three box blurs along the rows and three down the columns, all channels, borders repeated.
 *
 * Not a sampled Gaussian: at sigma 0.3 that differs by up to 28 levels (METHOD 5.6).
 *
 * @param sigma standard deviation in pixels, at least 0; 0 is the identity
 */
export function gaussianBlur(image: Image, sigma: number): Image {
  inRange('gaussianBlur', 'sigma', sigma, 0, Number.POSITIVE_INFINITY)
  return operate(
    'gaussianBlur',
    image,
    (kernels) => kernels.gaussianBlur(sigma),
    (out) => gaussianBlurInPlace(out, sigma),
  )
}

/** A box of radius R whole pixels and a fraction of the two beyond; weights scaled by 2^24. */
export interface BoxBlur {
  R: number
  inner: number
  outer: number
}

const PASSES = 3
const HALF = 1 << 23
let lineA = new Uint8Array(0)
let lineB = new Uint8Array(0)
let scratch = new Uint8Array(0)
let sums = new Int32Array(0)

export function gaussianBlurInPlace({ data, width, height, channels: C }: Image, sigma: number): void {
  if (sigma === 0) return
  const box = boxBlur(sigma)
  const stride = width * C
  if (scratch.length < data.length) scratch = new Uint8Array(data.length)
  const pad = (box.R + 1) * C
  if (lineA.length < stride + 2 * pad) {
    lineA = new Uint8Array(stride + 2 * pad)
    lineB = new Uint8Array(stride + 2 * pad)
  }
  for (let y = 0; y < height; y++) alongRow(data, y * stride, width, C, box, scratch)
  downColumns(scratch, stride, height, box, data)
  downColumns(data, stride, height, box, scratch)
  downColumns(scratch, stride, height, box, data)
}

/**
 * The box whose three passes have the variance sigma².
 *
 * Gwosdek et al. 2011, eq. 7, 11, 14, in Pillow's float32 (`_gaussian_blur_radius`, `BoxBlur.c`): float64 moves pixels by up to 2 levels.
 */
export function boxBlur(sigma: number): BoxBlur {
  const f = Math.fround
  const variance = f(f(f(sigma) * f(sigma)) / PASSES)
  const length = f(Math.sqrt(12 * variance + 1))
  const l = Math.floor((length - 1) / 2)
  const above = f(f(2 * l + 1) * f(f(l * f(l + 1)) - f(3 * variance)))
  const below = f(6 * f(variance - f(f(l + 1) * f(l + 1))))
  const radius = f(l + f(above / below))
  const R = Math.trunc(radius)
  const inner = Math.trunc(f((1 << 24) / f(f(radius * 2) + 1)))
  return { R, inner, outer: ((1 << 24) - (2 * R + 1) * inner) >> 1 }
}

/** Three passes over one row, in two lines with R + 1 repeated border pixels on each side. */
function alongRow(data: Uint8Array, start: number, width: number, C: number, box: BoxBlur, out: Uint8Array): void {
  const pad = (box.R + 1) * C
  const stride = width * C
  let from = lineA
  let to = lineB
  for (let i = 0; i < stride; i++) from[pad + i] = data[start + i]!
  for (let pass = 1; pass <= PASSES; pass++) {
    repeatBorders(from, pad, stride, C)
    if (pass < PASSES) boxLine(from, pad, stride, C, box, to, pad)
    else boxLine(from, pad, stride, C, box, out, start)
    const t = from
    from = to
    to = t
  }
}

function repeatBorders(line: Uint8Array, pad: number, stride: number, C: number): void {
  for (let i = pad - 1; i >= 0; i--) line[i] = line[i + C]!
  for (let i = pad + stride; i < stride + 2 * pad; i++) line[i] = line[i - C]!
}

/** out = inner · (the 2 R + 1 pixels around) + outer · (the two beyond). */
function boxLine(
  line: Uint8Array,
  pad: number,
  stride: number,
  C: number,
  { R, inner, outer }: BoxBlur,
  out: Uint8Array,
  start: number,
): void {
  const reach = (R + 1) * C
  for (let c = 0; c < C; c++) {
    let sum = 0 // of the box around the pixel before the first
    for (let p = pad + c - reach; p < pad + c + reach - C; p += C) sum += line[p]!
    for (let p = pad + c; p < pad + stride; p += C) {
      const before = line[p - reach]!
      sum += line[p + reach - C]! - before
      out[start + p - pad] = (Math.imul(sum, inner) + Math.imul(before + line[p + reach]!, outer) + HALF) >>> 24
    }
  }
}

/** One pass down all columns at once, a row at a time. */
function downColumns(
  data: Uint8Array,
  stride: number,
  height: number,
  { R, inner, outer }: BoxBlur,
  out: Uint8Array,
): void {
  const last = height - 1
  const row = (y: number) => Math.min(Math.max(y, 0), last) * stride // of a pixel that may lie beyond the border
  if (sums.length < stride) sums = new Int32Array(stride)
  sums.fill(0, 0, stride)
  for (let y = -R - 1; y < R; y++) for (let x = 0, p = row(y); x < stride; x++) sums[x]! += data[p + x]!
  for (let y = 0; y < height; y++) {
    const o = y * stride
    const before = row(y - R - 1)
    const enters = row(y + R)
    const after = row(y + R + 1)
    for (let x = 0; x < stride; x++) {
      const leaves = data[before + x]!
      const sum = (sums[x] = sums[x]! + data[enters + x]! - leaves)
      out[o + x] = (Math.imul(sum, inner) + Math.imul(leaves + data[after + x]!, outer) + HALF) >>> 24
    }
  }
}
