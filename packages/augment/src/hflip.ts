import { blank, checkImage, type Image } from './image.js'

/** The image mirrored left to right. */
export function hflip(image: Image): Image {
  checkImage('hflip', image)
  const { data, width, height, channels: C } = image
  const out = blank(width, height, C)
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = width - 1; x >= 0; x--) {
      const p = (y * width + x) * C
      for (let c = 0; c < C; c++) out.data[o++] = data[p + c]!
    }
  }
  return out
}
