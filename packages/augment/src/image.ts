/** An 8-bit image: rows from the top, pixels from the left, channels interleaved. */
export interface Image {
  /** [height, width, channels] */
  data: Uint8Array
  /** Pixels, at least 1. */
  width: number
  /** Pixels, at least 1. */
  height: number
  /** 1 is gray, 3 is RGB, 4 is RGB and alpha (not premultiplied). */
  channels: 1 | 3 | 4
}

/** Throws unless `image` is what its type says: checked once, where an image enters the package. */
export function checkImage(where: string, image: Image): void {
  const { data, width, height, channels } = image
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new RangeError(`${where}: expected a width and a height of at least 1 pixel, got ${width}x${height}.`)
  if (channels !== 1 && channels !== 3 && channels !== 4)
    throw new RangeError(`${where}: expected 1, 3 or 4 channels, got ${channels}. Convert the image to RGB first.`)
  if (!(data instanceof Uint8Array))
    throw new TypeError(
      `${where}: expected image.data to be a Uint8Array, got ${Object.prototype.toString.call(data)}.`,
    )
  const bytes = width * height * channels
  if (data.length !== bytes)
    throw new RangeError(
      `${where}: expected ${bytes} bytes for ${width}x${height}x${channels}, got ${data.length}. Is it a padded image?`,
    )
}

/** A black image. */
export function blank(width: number, height: number, channels: Image['channels']): Image {
  return { data: new Uint8Array(width * height * channels), width, height, channels }
}

/** The image with its own copy of the pixels, for an operation to work on in place. */
export function copy(image: Image): Image {
  return { ...image, data: new Uint8Array(image.data) } // not slice(): a Buffer's shares the memory
}
