import * as augment from '@dino/augment'

/** An opaque picture, [height, width, 3]: the Image of @dino/augment. */
export interface Rgb {
  data: Uint8Array
  width: number
  height: number
  channels: 3
}

/** A picture with coverage, [height, width, 4]; colours are not multiplied by alpha. */
export interface Rgba {
  data: Uint8Array
  width: number
  height: number
  channels: 4
}

/** Red, green, blue, 0 to 255. */
export type Colour = readonly [number, number, number]

export const WHITE: Colour = [255, 255, 255]

/** The picture on a ground of one colour. */
export function compositeOn(image: Rgba, colour: Colour = WHITE): Rgb {
  const ground = fill(image.width, image.height, colour)
  paste(ground, image, 0, 0)
  return ground
}

/** A picture of one colour. */
export function fill(width: number, height: number, colour: Colour): Rgb {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0; i < data.length; i += 3) data.set(colour, i)
  return { data, width, height, channels: 3 }
}

/** Draws a picture over `ground`, its top left corner at (left, top); what lies outside is cut off. */
export function paste(ground: Rgb, image: Rgba, left: number, top: number, opacity = 1): void {
  const fromY = Math.max(0, -top)
  const toY = Math.min(image.height, ground.height - top)
  const fromX = Math.max(0, -left)
  const toX = Math.min(image.width, ground.width - left)
  for (let y = fromY; y < toY; y++) {
    for (let x = fromX; x < toX; x++) {
      const source = (y * image.width + x) * 4
      const target = ((y + top) * ground.width + x + left) * 3
      const alpha = (image.data[source + 3] / 255) * opacity
      for (let c = 0; c < 3; c++) {
        const under = ground.data[target + c]
        ground.data[target + c] = Math.round(under + alpha * (image.data[source + c] - under))
      }
    }
  }
}

/** A part of a picture in whole pixels. */
export interface Box {
  left: number
  top: number
  width: number
  height: number
}

/** The box, as a picture of size x size; with `flip` left and right are exchanged. Transparent pixels lend no colour. */
export function resizedCrop<T extends Rgb | Rgba>(image: T, box: Box, size: number, flip = false): T {
  const { data } = augment.resizedCrop(image, { ...box, size, flip })
  return { ...image, data, width: size, height: size }
}

/** The box that holds all of a picture. */
export function whole({ width, height }: Rgb | Rgba): Box {
  return { left: 0, top: 0, width, height }
}

/** Pictures of one size as a batch, [count, height, width, 3]. */
export function stack(images: readonly Rgb[]): Uint8Array {
  const bytes = images[0]?.data.length ?? 0
  const batch = new Uint8Array(images.length * bytes)
  for (const [i, { data, width, height }] of images.entries()) {
    if (data.length !== bytes) {
      throw new RangeError(`stack: expected pictures of one size, got ${width}x${height} at ${i}. Resize them first.`)
    }
    batch.set(data, i * bytes)
  }
  return batch
}
