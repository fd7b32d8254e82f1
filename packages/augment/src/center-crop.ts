import { whole } from './checks.js'
import { blank, checkImage, type Image } from './image.js'
import { roundHalfEven } from './round-half-even.js'

/**
 * The middle size × size pixels, as `torchvision.transforms.CenterCrop`: half a pixel is rounded to the even one, and an image that is
 * too small is padded with black (with transparent black if it has alpha).
 */
export function centerCrop(image: Image, size: number): Image {
  checkImage('centerCrop', image)
  whole('centerCrop', 'size', size, 1)
  const { data, width, height, channels: C } = image
  const out = blank(size, size, C)
  const top = offset(height, size)
  const left = offset(width, size)
  const x0 = Math.max(left, 0)
  const x1 = Math.min(left + size, width)
  for (let y = Math.max(top, 0); y < Math.min(top + size, height); y++) {
    const row = data.subarray((y * width + x0) * C, (y * width + x1) * C)
    out.data.set(row, ((y - top) * size + x0 - left) * C)
  }
  return out
}

/** Where the crop begins on one axis; below 0 when it is padded, and there the smaller half comes first. */
function offset(length: number, size: number): number {
  return size > length ? -Math.floor((size - length) / 2) : roundHalfEven((length - size) / 2)
}
