import type { Image } from './image.js'
import { luma } from './luma.js'
import { operate } from './operate.js'

/** Every pixel at its luma, in as many channels as before: torchvision's `rgb_to_grayscale(image, 3)`. Alpha stays. */
export function grayscale(image: Image): Image {
  return operate('grayscale', image, (kernels) => kernels.grayscale(), grayscaleInPlace)
}

export function grayscaleInPlace({ data, channels: C }: Image): void {
  if (C === 1) return
  for (let p = 0; p < data.length; p += C) {
    data[p] = data[p + 1] = data[p + 2] = luma(data[p]!, data[p + 1]!, data[p + 2]!)
  }
}
