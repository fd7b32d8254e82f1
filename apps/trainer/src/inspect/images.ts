import type { Image } from '@dino/augment'
import sharp from 'sharp'
import { colourOf, unitRange } from './colour-map.js'

/** Values of patches, row by row: patch (y, x) is `values[y * columns + x]`. */
export interface PatchGrid {
  rows: number
  columns: number
  /** Pixels of a side. */
  patchSize: number
}

/**
 * A map as colours, from its smallest value (black) to its largest (light yellow), each patch a square.
 *
 * Shows where, not how much: every map uses the whole range.
 *
 * @param map [rows * columns]
 */
export function heatMap(map: ArrayLike<number>, grid: PatchGrid): Image {
  const values = unitRange(map)
  return paint(grid, (_, patch) => colourOf(values[patch]))
}

/** Each patch a square of its own colour. @param colours [rows * columns, 3] of 0 to 255 */
export function colourMap(colours: ArrayLike<number>, grid: PatchGrid): Image {
  return paint(grid, (_, patch) => [colours[patch * 3], colours[patch * 3 + 1], colours[patch * 3 + 2]])
}

/** How much of the picture the darkest and the brightest of an overlay let through. */
const OVERLAY_OPACITY = [0.45, 0.75]

/**
 * A map laid over its picture: what is not looked at goes dark and gray, what is looked at glows.
 *
 * @param image RGB, of the grid's size
 * @param map [rows * columns]
 */
export function overlay(image: Image, map: ArrayLike<number>, grid: PatchGrid): Image {
  checkCovers('overlay', image, grid)
  const values = unitRange(map)
  const [low, high] = OVERLAY_OPACITY
  return paint(grid, (pixel, patch) => {
    const opacity = low + (high - low) * values[patch]
    const gray = luma(image.data, pixel)
    const colour = colourOf(values[patch])
    return [0, 1, 2].map((c) => gray + opacity * (colour[c] - gray)) as [number, number, number]
  })
}

/** What is left of the brightness outside of a mask. */
const OUTSIDE = 0.25

/**
 * The picture inside a mask; outside it is gray and dark.
 *
 * @param image RGB, of the grid's size
 * @param mask [rows * columns] 0 is outside
 */
export function masked(image: Image, mask: ArrayLike<number>, grid: PatchGrid): Image {
  checkCovers('masked', image, grid)
  return paint(grid, (pixel, patch) => {
    if (mask[patch]) return [image.data[pixel], image.data[pixel + 1], image.data[pixel + 2]]
    const gray = OUTSIDE * luma(image.data, pixel)
    return [gray, gray, gray]
  })
}

/** The top left part of a picture that whole patches cover: what the network looks at. @param image RGB */
export function cutToGrid(image: Image, { rows, columns, patchSize }: PatchGrid): Image {
  const [height, width] = [rows * patchSize, columns * patchSize]
  if (image.width < width || image.height < height) {
    throw new RangeError(`cutToGrid: expected at least ${width}x${height} pixels, got ${image.width}x${image.height}.`)
  }
  const { channels } = image
  const data = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    const from = y * image.width * channels
    data.set(image.data.subarray(from, from + width * channels), y * width * channels)
  }
  return { data, width, height, channels }
}

/** @returns the bytes of a PNG file */
export async function encodePng({ data, width, height, channels }: Image): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 9 }).toBuffer()
}

/** The picture as a PNG in a URL, for a page that needs no other file. */
export async function dataUri(image: Image): Promise<string> {
  return `data:image/png;base64,${Buffer.from(await encodePng(image)).toString('base64')}`
}

/** An RGB picture of the grid's size. `colour` gets the offset of a pixel and the patch that it lies in. */
function paint({ rows, columns, patchSize }: PatchGrid, colour: (pixel: number, patch: number) => readonly number[]) {
  const [height, width] = [rows * patchSize, columns * patchSize]
  const data = new Uint8ClampedArray(width * height * 3)
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / patchSize) * columns
    for (let x = 0; x < width; x++) {
      const pixel = (y * width + x) * 3
      data.set(colour(pixel, row + Math.floor(x / patchSize)), pixel) // rounds
    }
  }
  return { data: new Uint8Array(data.buffer), width, height, channels: 3 } satisfies Image
}

/** Brightness, ITU-R 601. */
function luma(data: Uint8Array, pixel: number): number {
  return 0.299 * data[pixel] + 0.587 * data[pixel + 1] + 0.114 * data[pixel + 2]
}

function checkCovers(where: string, { width, height, channels }: Image, { rows, columns, patchSize }: PatchGrid): void {
  if (width !== columns * patchSize || height !== rows * patchSize || channels !== 3) {
    throw new RangeError(
      `${where}: expected an RGB picture of ${columns * patchSize}x${rows * patchSize} pixels, ` +
        `got ${width}x${height} with ${channels} channels. Cut it with cutToGrid.`,
    )
  }
}
