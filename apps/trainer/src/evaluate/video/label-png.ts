import { readFile } from 'node:fs/promises'
import { writeFileAtomic } from '@dino/weights/node'
import { decode, encode, type IndexedColors } from 'fast-png'
import { Failure } from '../../report/io.js'

/** Which object is at each pixel, as DAVIS and Pascal VOC keep it: a PNG whose pixels are places in a palette. */
export interface LabelImage {
  /** [height · width] 0 is background. */
  labels: Uint8Array
  width: number
  height: number
  /** Colours of the labels; of a gray image none. */
  palette?: IndexedColors
}

const UNDECIDED = 255

/** @param undecided what becomes of 255, where nobody decided. Default: background, as in DAVIS */
export async function readLabels(path: string, { undecided = 0 }: { undecided?: number } = {}): Promise<LabelImage> {
  const bytes = await readFile(path)
  let png: ReturnType<typeof decode>
  try {
    png = decode(bytes)
  } catch (error) {
    throw new Failure(`${path} cannot be read as a PNG: ${(error as Error).message}`, 1, { cause: error })
  }
  const { width, height, depth, channels, data, palette } = png
  if (channels !== 1 || depth > 8 || (depth < 8 && !palette)) {
    throw new Failure(
      `${path}: expected a palette image, whose pixels are numbers of objects, got ${depth} bits x ${channels} channels.`,
    )
  }
  const labels = unpack(data as Uint8Array, width, height, depth).map((label) =>
    label === UNDECIDED ? undecided : label,
  )
  return { labels, width, height, ...(palette && { palette }) }
}

/** A palette PNG, written at once or not at all. */
export function writeLabels(
  path: string,
  { labels, width, height, palette = vocPalette() }: LabelImage,
): Promise<void> {
  return writeFileAtomic(path, encode({ data: labels, width, height, depth: 8, channels: 1, palette }))
}

/** The largest label: objects are numbered from 1. */
export function countObjects(labels: Uint8Array): number {
  return labels.reduce((most, label) => Math.max(most, label), 0)
}

/** An image of labels at another size, as Pillow's `resize` with NEAREST. */
export function resizeLabels(
  labels: Uint8Array,
  [width, height]: readonly [number, number],
  [newWidth, newHeight]: readonly [number, number],
): Uint8Array {
  const [columns, rows] = [places(width, newWidth), places(height, newHeight)]
  const out = new Uint8Array(newWidth * newHeight)
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++) out[y * newWidth + x] = labels[rows[y]! * width + columns[x]!]!
  }
  return out
}

/** Pillow adds up the step from pixel to pixel, rounding errors and all. */
function places(from: number, to: number): Int32Array {
  const step = from / to
  const out = new Int32Array(to)
  for (let i = 0, place = step / 2; i < to; i++, place += step) out[i] = Math.min(from - 1, Math.floor(place))
  return out
}

/** Rows of 1, 2, 4 or 8 bits a pixel, each beginning with a new byte, as a byte a pixel. */
function unpack(data: Uint8Array, width: number, height: number, depth: number): Uint8Array {
  if (depth === 8) return data
  const stride = Math.ceil((width * depth) / 8)
  const out = new Uint8Array(width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * depth
      const byte = data[y * stride + (bit >> 3)]!
      out[y * width + x] = (byte >> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
    }
  }
  return out
}

/** Pascal VOC's colours, which DAVIS uses: the bits of a label, three at a time, are the high bits of red, green and blue. */
function vocPalette(): IndexedColors {
  return Array.from({ length: 256 }, (_, label) => {
    const colour = [0, 0, 0]
    for (let bit = 0; bit < 8; bit++) colour[bit % 3]! |= ((label >> bit) & 1) << (7 - Math.floor(bit / 3))
    return colour
  }) as IndexedColors
}
