import { fileURLToPath } from 'node:url'
import { list, refuseUnknown, whole } from './checks.js'
import type { DatasetError } from './dataset-error.js'
import { type FilePart, partName, readSource } from './file-part.js'
import { isUrl, shownUrl } from './http-range.js'
import type { Image } from './image.js'
import { over255 } from './premultiply.js'
import { jpegChannels, sniff } from './sniff.js'
import { toRgb } from './to-rgb.js'

export interface DecodeOptions {
  /** Colour behind transparent pixels: R, G, B from 0 to 255. Default white. */
  background?: readonly number[]
  /** Return RGBA instead, with an alpha of 255 where the file has none. Default false. */
  keepAlpha?: boolean
  /** Turn the image as its EXIF orientation says; Pillow and torchvision do not. Default false. */
  orient?: boolean
  /** Refuse images of more pixels, before decoding. Default 178,956,970, where Pillow refuses a decompression bomb. */
  maxPixels?: number
}

/** An image that cannot be decoded. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  /** The file; for bytes in memory, how many there were. */
  readonly path: string
  /** Why, in one line. */
  readonly reason: string

  constructor(path: string, reason: string, cause?: unknown) {
    super(`decode: cannot read ${path}: ${reason}`, { cause })
    this.path = path
    this.reason = reason
  }
}

const MAX_PIXELS = 178_956_970

/**
 * Reads an image from a file, an http(s) URL, bytes, or a file in an archive, as 8-bit RGB, through sharp, an
 * optional peer: `npm install sharp`.
 *
 * JPEG, PNG, WebP, AVIF, TIFF and GIF, of an animation the first frame. Pixels equal Pillow's `convert('RGB')` but for AVIF and for
 * 16-bit gray (which Pillow clips); colour profiles are ignored, as Pillow does. Alpha is composited; Pillow drops it.
 *
 * @throws DecodeError naming the file and the reason
 */
export async function decode(
  source: string | URL | Uint8Array | FilePart,
  {
    background = [255, 255, 255],
    keepAlpha = false,
    orient = false,
    maxPixels = MAX_PIXELS,
    ...rest
  }: DecodeOptions = {},
): Promise<Image> {
  refuseUnknown('decode', rest, ['background', 'keepAlpha', 'orient', 'maxPixels'])
  list('decode', 'background', background, { length: 3, low: 0, high: 255 })
  whole('decode', 'maxPixels', maxPixels, 1)
  const [path, bytes] = await bytesOf(source)
  if (bytes.length === 0) throw new DecodeError(path, 'it is empty')
  const format = sniff(bytes)
  if (!format) throw new DecodeError(path, `not a JPEG, PNG, WebP, AVIF, TIFF or GIF; it begins with ${start(bytes)}`)
  const sharp = await loadSharp()
  try {
    const input = sharp(bytes, {
      failOn: 'error',
      ignoreIcc: true,
      limitInputPixels: maxPixels,
      autoOrient: orient,
      sequentialRead: true,
    })
    // asking libvips takes longer than looking: its header would be read twice, on a thread of libuv
    const cmyk =
      format === 'JPEG' ? jpegChannels(bytes) === 4 : format === 'TIFF' && (await input.metadata()).space === 'cmyk'
    // libvips would go through a CMYK profile; Pillow's arithmetic is in rgbOfCmyk
    if (cmyk) input.pipelineColourspace('cmyk').toColourspace('cmyk')
    else input.toColourspace('srgb')
    if (keepAlpha && !cmyk) input.ensureAlpha()
    const { data, info } = await input.raw().toBuffer({ resolveWithObject: true })
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.length)
    const { width, height, channels } = info
    const decoded = cmyk ? rgbOfCmyk(pixels, width, height, channels) : { data: pixels, width, height, channels }
    if (decoded.channels === 2) throw new Error('gray with alpha came out of sharp as two channels')
    const image = decoded as Image
    if (!keepAlpha) return toRgb(image, background)
    return image.channels === 4 ? image : withAlpha(image)
  } catch (error) {
    throw new DecodeError(path, explain(error, maxPixels), error)
  }
}

/** One thread for each image and no cache of files: workers are the parallel part. These settings are the process's. */
export async function calmSharp(): Promise<void> {
  const sharp = await loadSharp()
  sharp.concurrency(1)
  sharp.cache(false)
}

async function loadSharp() {
  try {
    return (await import('sharp')).default
  } catch (cause) {
    throw new Error('decode: sharp is not installed or does not load here. Run: npm install sharp', { cause })
  }
}

/** What to call it in an error, and its bytes. */
async function bytesOf(source: string | URL | Uint8Array | FilePart): Promise<[string, Uint8Array]> {
  if (source instanceof Uint8Array) return [`${source.length} bytes in memory`, source]
  const place = source instanceof URL ? (source.protocol === 'file:' ? fileURLToPath(source) : source.href) : source
  const path = typeof place !== 'string' ? partName(place) : isUrl(place) ? shownUrl(place) : place
  try {
    return [path, await readSource(place)]
  } catch (error) {
    throw new DecodeError(path, (error as DatasetError).reason ?? (error as Error).message, error)
  }
}

function start(bytes: Uint8Array): string {
  return JSON.stringify(String.fromCharCode(...bytes.subarray(0, 12)))
}

function explain(error: unknown, maxPixels: number): string {
  const message = error instanceof Error ? error.message : String(error)
  if (/pixel limit/i.test(message)) return `it has more than ${maxPixels} pixels, the limit (option maxPixels)`
  return message.split('\n', 1)[0]!.replace(/^Input (buffer|file) has corrupt header: /, 'corrupt header: ')
}

/** Pillow's `cmyk2rgb`. */
function rgbOfCmyk(cmyk: Uint8Array, width: number, height: number, C: number): Image {
  const data = new Uint8Array(width * height * 3)
  for (let p = 0, o = 0; o < data.length; p += C, o += 3) {
    const light = 255 - cmyk[p + 3]!
    for (let c = 0; c < 3; c++) data[o + c] = light - over255(cmyk[p + c]! * light)
  }
  return { data, width, height, channels: 3 }
}

function withAlpha({ data, width, height, channels: C }: Image): Image {
  const out = new Uint8Array(width * height * 4).fill(255)
  for (let p = 0, o = 0; p < data.length; p += C, o += 4) for (let c = 0; c < 3; c++) out[o + c] = data[p + (c % C)]!
  return { data: out, width, height, channels: 4 }
}
