import { base85 } from './base85.js'
import { boxBlur } from './gaussian-blur.js'
import type { Image } from './image.js'
import { inflate } from './inflate.js'
import { kernelsWasm } from './kernels-wasm.js'
import type { Box, Interpolation } from './resample.js'

/** What assembly/index.ts exports; pointers are byte offsets in its memory. */
interface Module {
  memory: WebAssembly.Memory
  heapBase(): number
  taps(from: number, to: number, bicubic: boolean, bounds: number, weights: number, scratch: number): number
  // biome-ignore format: as in assembly/resample.ts
  horizontal(source: number, sourceStride: number, columns: number, rows: number, width: number, bounds: number, boundsStep: number, weights: number, weightsStep: number, group: number, out: number, outStride: number): void
  // biome-ignore format: as in assembly/resample.ts
  vertical(source: number, sourceStride: number, width: number, height: number, bounds: number, weights: number, stride: number, planes: number, planeStride: number, rowStep: number): void
  triple(pixels: number, count: number, out: number): void
  premultiply(pixels: number, count: number, colours: number, alphas: number): void
  unpremultiply(planes: number, planeStride: number, count: number): void
  deinterleave(source: number, pixels: number, channels: number, planes: number, stride: number): void
  interleave(planes: number, stride: number, pixels: number, channels: number, out: number): void
  // biome-ignore format: as in assembly/normalize.ts
  lookUpFloats(source: number, pixels: number, channels: number, tables: number, out: number, pixelStep: number, channelStep: number): void
  planBlend(base: number, factor: number): boolean
  blendExact(pixels: number, count: number): void
  blendFloat(pixels: number, count: number, base: number, factor: number): void
  lumaSum(planes: number, stride: number, pixels: number, channels: number): number
  saturation(planes: number, stride: number, pixels: number): void
  saturationFloat(planes: number, stride: number, pixels: number, factor: number): void
  grayscale(planes: number, stride: number, pixels: number): void
  solarize(pixels: number, count: number, threshold: number): void
  hue(planes: number, stride: number, pixels: number, turn: number): void
  // biome-ignore format: as in assembly/blur.ts
  boxBlur(plane: number, width: number, height: number, R: number, inner: number, outer: number, line: number, field: number): void
}

/** Loops of the module run over the end of what they work on by less than this. */
const SLACK = 64
/** A source image up to this size is copied whole, once for all of its views; of a larger one, a band of rows at a time. */
const RESIDENT = 4 << 20
const BAND = 1 << 20
/** What may lie between the passes: columns of more than this are made one strip after the other. */
const BETWEEN = 1 << 26
/** Memory beyond this is given back after use: a module's own never shrinks. */
const KEPT = 8 << 20

/** One image in the making, as planes in the memory of a module; each method does what the function of its name does. */
export class Kernels {
  readonly #module: WebAssembly.Module
  #x!: Module
  #bytes!: Uint8Array
  /** The source image that is in memory whole; its bytes begin at the heap's base. */
  #resident: Image | undefined
  #sourceEnd = 0
  #at = 0
  #planes = 0
  #stride = 0
  #width = 0
  #height = 0
  #channels: Image['channels'] = 3

  constructor(module: WebAssembly.Module) {
    this.#module = module
    this.#instantiate()
  }

  /** Bytes of memory. */
  get size(): number {
    return this.#x.memory.buffer.byteLength
  }

  /** Several views are made of `image`, which does not change until {@link end}. */
  begin(image: Image): void {
    if (image.channels !== 3 || image.data.length > RESIDENT) return
    this.#at = this.#x.heapBase()
    this.#bytesAt(this.#allocate(image.data.length), image.data.length).set(image.data)
    this.#resident = image
    this.#sourceEnd = this.#at
  }

  /** Nothing of the image is needed any more. */
  end(): void {
    this.#resident = undefined
    if (this.size > KEPT) this.#instantiate()
  }

  /** The planes of a whole image. */
  load({ data, width, height, channels }: Image): void {
    this.#at = this.#x.heapBase()
    const source = this.#allocate(data.length)
    this.#newPlanes(width, height, channels)
    this.#bytesAt(source, data.length).set(data)
    this.#x.deinterleave(source, width * height, channels, this.#planes, this.#stride)
  }

  resample(image: Image, box: Box, width: number, height: number, interpolation: Interpolation, flip: boolean): void {
    const C = image.channels
    const resident = this.#resident === image
    this.#at = resident ? this.#sourceEnd : this.#x.heapBase()
    const sideways = this.#taps(box.width, width, interpolation)
    const downwards = this.#taps(box.height, height, interpolation)
    this.#newPlanes(width, height, C)
    const group = this.#allocate(24 * box.width + 64)
    const pairs = ((box.height + 3) >> 2) * 2 + 1 // of rows; one more may be read
    const strip = Math.min(width, Math.max(4, (BETWEEN / (24 * pairs)) & ~3))
    const stride = 12 * strip + 16
    // All is done in three channels: alpha comes after the colours, three times, and gray is three times the same
    const layers = C === 4 ? 2 : 1
    const rows = this.#allocate(layers * pairs * stride)
    const [bounds, weights, step] = sideways
    const imageStride = image.width * C
    const start = box.top * imageStride + box.left * C
    const rowBytes = box.width * C
    const wide = box.width * 3 // of a row of three channels
    const band = resident ? box.height : Math.max(4, Math.min(box.height, (BAND / rowBytes) & ~3))
    const source = resident ? this.#x.heapBase() + start : this.#allocate(band * rowBytes)
    const three = C === 3 ? source : this.#allocate(layers * band * wide)
    // From the last strip back, for its end may be written over the beginning of the next row
    for (let left = width - (width % strip || strip); left >= 0; left -= strip) {
      const columns = Math.min(strip, width - left)
      const first = flip ? width - 1 - left : left // mirrored, the weights are gone through from the last
      const sign = flip ? -1 : 1
      for (let y = 0; y < box.height; y += band) {
        const count = Math.min(band, box.height - y)
        const pixels = count * box.width
        for (let i = 0; i < count && !resident; i++) {
          const from = start + (y + i) * imageStride
          this.#bytes.set(image.data.subarray(from, from + rowBytes), source + i * rowBytes)
        }
        if (C === 1) this.#x.triple(source, pixels, three)
        // Pillow resizes RGBA premultiplied, so that the colour of transparent pixels does not bleed
        if (C === 4) this.#x.premultiply(source, pixels, three, three + count * wide)
        for (let i = 0; i < layers; i++)
          // biome-ignore format: as it is declared
          this.#x.horizontal(
            three + i * count * wide, resident ? imageStride : wide, box.width, count, columns,
            bounds + 8 * first, 8 * sign, weights + step * first, step * sign, group, rows + (i * pairs + (y >> 1)) * stride, stride,
          )
      }
      for (let i = 0; i < layers; i++) {
        const planes = this.#planes + 3 * i * this.#stride + left
        this.#x.vertical(rows + i * pairs * stride, stride, columns, height, ...downwards, planes, this.#stride, width)
      }
    }
    if (C === 4) this.#x.unpremultiply(this.#planes, this.#stride, width * height)
  }

  brightness(factor: number): void {
    this.#blend(0, factor)
  }

  contrast(factor: number): void {
    const pixels = this.#width * this.#height
    const channels = Math.min(this.#channels, 3)
    const mean = this.#x.lumaSum(this.#planes, this.#stride, pixels, channels) / pixels
    this.#blend(Math.floor(mean + 0.5), factor)
  }

  saturation(factor: number): void {
    if (this.#channels === 1) return
    const pixels = this.#width * this.#height
    if (this.#x.planBlend(-1, factor)) this.#x.saturation(this.#planes, this.#stride, pixels)
    else this.#x.saturationFloat(this.#planes, this.#stride, pixels, factor)
  }

  hue(factor: number): void {
    if (this.#channels === 1) return
    this.#x.hue(this.#planes, this.#stride, this.#width * this.#height, Math.trunc(factor * 255) & 255)
  }

  grayscale(): void {
    if (this.#channels === 1) return
    this.#x.grayscale(this.#planes, this.#stride, this.#width * this.#height)
  }

  gaussianBlur(sigma: number): void {
    if (sigma === 0) return
    const { R, inner, outer } = boxBlur(sigma)
    const before = this.#at
    const pixels = this.#width * this.#height
    const line = this.#allocate(8 * this.#width + 8 * (R + 1) + 256)
    const field = this.#allocate(4 * pixels + 128)
    for (let c = 0; c < this.#channels; c++) {
      const plane = this.#planes + c * this.#stride
      this.#x.boxBlur(plane, this.#width, this.#height, R, inner, outer, line, field)
    }
    this.#at = before
  }

  solarize(threshold: number): void {
    if (threshold > 255) return
    this.#colours((plane, pixels) => this.#x.solarize(plane, pixels, Math.ceil(threshold)))
  }

  /** Writes the image as interleaved pixels. */
  store(out: Uint8Array): void {
    const before = this.#at
    const pixels = this.#allocate(out.length)
    this.#x.interleave(this.#planes, this.#stride, this.#width * this.#height, this.#channels, pixels)
    out.set(this.#bytesAt(pixels, out.length))
    this.#at = before
  }

  /** Interleaved bytes as floats, by a table of 256 for each channel. */
  lookUpFloats({ data, channels }: Image, tables: Float32Array, layout: 'hwc' | 'chw', out: Float32Array): void {
    this.#at = this.#x.heapBase()
    const source = this.#allocate(data.length)
    const table = this.#allocate(tables.byteLength)
    const floats = this.#allocate(out.byteLength)
    this.#bytesAt(source, data.length).set(data)
    new Float32Array(this.#x.memory.buffer, table, tables.length).set(tables)
    const pixels = data.length / channels
    const [pixelStep, channelStep] = layout === 'hwc' ? [channels, 1] : [1, pixels]
    this.#x.lookUpFloats(source, pixels, channels, table, floats, pixelStep, channelStep)
    out.set(new Float32Array(this.#x.memory.buffer, floats, out.length))
  }

  /** base + factor (x - base), truncated, for every value but alpha. */
  #blend(base: number, factor: number): void {
    const exact = this.#x.planBlend(base, factor)
    this.#colours((plane, pixels) => {
      if (exact) this.#x.blendExact(plane, pixels)
      else this.#x.blendFloat(plane, pixels, base, factor)
    })
  }

  /** Every plane but alpha. */
  #colours(work: (plane: number, pixels: number) => void): void {
    for (let c = 0; c < Math.min(this.#channels, 3); c++)
      work(this.#planes + c * this.#stride, this.#width * this.#height)
  }

  #taps(from: number, to: number, interpolation: Interpolation): [bounds: number, weights: number, step: number] {
    const bicubic = interpolation === 'bicubic'
    const most = Math.ceil((bicubic ? 2 : 1) * Math.max(from / to, 1)) * 2 + 1
    const bounds = this.#allocate(8 * to)
    const weights = this.#allocate(4 * (most + 1) * to)
    const scratch = this.#allocate(8 * most + 16)
    return [bounds, weights, this.#x.taps(from, to, bicubic, bounds, weights, scratch)]
  }

  #newPlanes(width: number, height: number, channels: Image['channels']): void {
    this.#width = width
    this.#height = height
    this.#channels = channels
    this.#stride = (width * height + SLACK + 15) & ~15
    this.#planes = this.#allocate(this.#stride * (channels === 4 ? 6 : 3)) // resampling writes three at a time
  }

  /** So many bytes and some slack, until #at is set back. */
  #allocate(bytes: number): number {
    const pointer = this.#at
    this.#at = (pointer + bytes + SLACK + 15) & ~15
    const missing = this.#at - this.size
    if (missing > 0) {
      this.#x.memory.grow(Math.ceil(missing / 65_536))
      this.#bytes = new Uint8Array(this.#x.memory.buffer)
    }
    return pointer
  }

  #bytesAt(pointer: number, length: number): Uint8Array {
    return this.#bytes.subarray(pointer, pointer + length)
  }

  #instantiate(): void {
    this.#x = new WebAssembly.Instance(this.#module, {}).exports as unknown as Module
    this.#bytes = new Uint8Array(this.#x.memory.buffer)
  }
}

/** `auto` takes SIMD where the machine has it. */
export type KernelChoice = 'auto' | 'plain'

let choice: KernelChoice = 'auto'
let made: Kernels | null | undefined

/**
 * Chooses between WebAssembly SIMD and plain TypeScript. The bytes are the same; the latter is the definition that the former is tested
 * against, and takes its place where SIMD is missing.
 */
export function useKernels(which: KernelChoice): void {
  if (which !== 'auto' && which !== 'plain')
    throw new TypeError(`useKernels: expected 'auto' or 'plain', got '${which as string}'.`)
  choice = which
}

/** What runs now. */
export function kernelsInUse(): 'simd' | 'plain' {
  return kernels() ? 'simd' : 'plain'
}

/** The one instance, compiled when it is first needed (2 ms); null where it cannot be, or is not wanted. */
export function kernels(): Kernels | null {
  if (choice === 'plain') return null
  if (made === undefined) made = compile()
  return made
}

function compile(): Kernels | null {
  try {
    return new Kernels(new WebAssembly.Module(inflate(base85(kernelsWasm.packed), kernelsWasm.bytes)))
  } catch {
    return null // no WebAssembly, no SIMD, or a policy against it
  }
}
