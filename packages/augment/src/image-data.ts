import { refuseUnknown } from './checks.js'
import { checkImage, type Image } from './image.js'
import { toRgb } from './to-rgb.js'

export interface FromPixelsOptions {
  /** Return RGBA instead of RGB. Default false. */
  keepAlpha?: boolean
  /** R, G, B put under transparent pixels where alpha is not kept, 0 to 255. Default white. */
  background?: readonly [number, number, number]
}

/** The pixels of a canvas as an image. With `keepAlpha` they are shared, not copied. */
export function fromImageData(
  { data, width, height }: ImageData,
  { keepAlpha = false, background = [255, 255, 255], ...rest }: FromPixelsOptions = {},
): Image {
  refuseUnknown('fromImageData', rest, ['keepAlpha', 'background'])
  const image: Image = { data: new Uint8Array(data.buffer, data.byteOffset, data.length), width, height, channels: 4 }
  return keepAlpha ? image : toRgb(image, background)
}

/**
 * A decoded image of the browser, such as `await createImageBitmap(file)` gives, in workers too.
 *
 * Opaque pixels come through as they are. A canvas keeps transparent ones multiplied by alpha, so their colours are less exact.
 */
export function fromBitmap(bitmap: ImageBitmap, options: FromPixelsOptions = {}): Image {
  const { width, height } = bitmap
  if (width < 1 || height < 1)
    throw new RangeError(`fromBitmap: expected an image of at least 1x1, got ${width}x${height}. Is the bitmap closed?`)
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('fromBitmap: the browser gives no 2d canvas. Use fromImageData.')
  context.drawImage(bitmap, 0, 0)
  return fromImageData(context.getImageData(0, 0, width, height), options)
}

/** The image as a canvas takes it (`putImageData`): gray is repeated, what has no alpha is opaque. */
export function toImageData(image: Image): ImageData {
  checkImage('toImageData', image)
  const { data, width, height, channels: C } = image
  const out = new ImageData(width, height)
  for (let p = 0, o = 0; p < data.length; p += C, o += 4) {
    out.data[o] = data[p]!
    out.data[o + 1] = data[C === 1 ? p : p + 1]!
    out.data[o + 2] = data[C === 1 ? p : p + 2]!
    out.data[o + 3] = C === 4 ? data[p + 3]! : 255
  }
  return out
}
