import { Failure, type TrainIO } from '../report/io.js'

/** Attention grows with the square of this: an image of more patches is shrunk unless its size was asked for. */
const MOST_PATCHES = 3600

export interface Size {
  width: number
  height: number
}

/**
 * How large the network sees an image: as `--image-size` says, else as it is, or smaller where it has too many patches (which is said).
 *
 * @param asked nothing, a side, or height and width
 */
export function sizeToLookAt(image: Size, asked: readonly number[], patchSize: number, io: TrainIO): Size {
  if (asked.length > 2)
    throw new Failure(`--image-size ${asked.join(' ')}: expected one number, or height and width.`, 2)
  const least = `--image-size: at least one patch of ${patchSize} pixels each way`
  if (asked.length > 0) {
    const [height, width = height] = asked as [number, number?]
    if (Math.min(height, width) < patchSize) throw new Failure(`${least}, got ${height} x ${width}.`, 2)
    return { width, height }
  }
  if (Math.min(image.width, image.height) < patchSize) {
    throw new Failure(
      `The image has ${image.width} x ${image.height} pixels, less than one patch of ${patchSize}. Enlarge it with --image-size.`,
      2,
    )
  }
  const patches = (image.width / patchSize) * (image.height / patchSize)
  if (patches <= MOST_PATCHES) return { width: image.width, height: image.height }
  const factor = Math.sqrt(MOST_PATCHES / patches)
  const shrunk = (side: number) => Math.max(patchSize, Math.round(side * factor))
  const size = { width: shrunk(image.width), height: shrunk(image.height) }
  io.stderr.write(
    `Shrunk from ${image.width} x ${image.height} to ${size.width} x ${size.height} pixels; --image-size sets another size.\n`,
  )
  return size
}
