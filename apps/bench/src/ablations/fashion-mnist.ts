import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import sharp from 'sharp'
import { Failure } from '../failure.js'

/** Fashion-MNIST's classes (Xiao et al. 2017), in the order of its labels. */
const CLASSES = ['t-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'ankle-boot']

export interface IdxFlags {
  /** Training images taken, of the first; all unless given. */
  train?: number
  /** Validation images. */
  val?: number
}

/**
 * Turns the four files of MNIST's format (`train-images-idx3-ubyte.gz` …) into folders of PNG: train/ and val/, one sub-folder a class.
 *
 * @returns images written
 */
export async function idxToFolders(source: string, target: string, { train, val }: IdxFlags): Promise<number> {
  if (existsSync(target)) throw new Failure(`${target} is there already. Name a folder that is not.`, 2)
  const part = `${target}.part`
  await rm(part, { recursive: true, force: true })
  let written = 0
  for (const [folder, prefix, most] of [
    ['train', 'train', train],
    ['val', 't10k', val],
  ] as const) {
    const images = readIdx(join(source, `${prefix}-images-idx3-ubyte`), 3)
    const labels = readIdx(join(source, `${prefix}-labels-idx1-ubyte`), 1)
    const [count, height, width] = images.shape as [number, number, number]
    if (labels.shape[0] !== count) {
      throw new Failure(
        `${source}: ${count} images and ${labels.shape[0]} labels for ${folder}. Are the files of one set?`,
        1,
      )
    }
    for (const name of CLASSES) await mkdir(join(part, folder, name), { recursive: true })
    for (let i = 0; i < Math.min(count, most ?? count); i++) {
      const pixels = images.data.subarray(i * height * width, (i + 1) * height * width)
      const name = CLASSES[labels.data[i]!]
      if (name === undefined) throw new Failure(`${source}: label ${labels.data[i]} of image ${i}; expected 0 to 9.`, 1)
      const file = join(part, folder, name, `${String(i).padStart(5, '0')}.png`)
      await sharp(pixels, { raw: { width, height, channels: 1 } })
        .png()
        .toFile(file)
      written++
    }
  }
  await rename(part, target)
  return written
}

/** A file of MNIST's format: two zero bytes, a type (8 is bytes), the rank, the sizes, the data. */
function readIdx(path: string, rank: number): { shape: number[]; data: Uint8Array } {
  const file = existsSync(`${path}.gz`) ? `${path}.gz` : path
  if (!existsSync(file)) {
    throw new Failure(
      `${path}.gz is missing. Fashion-MNIST comes as the Debian package dataset-fashion-mnist, and from its authors as four .gz files.`,
      2,
    )
  }
  const raw = readFileSync(file)
  const bytes = file.endsWith('.gz') ? gunzipSync(raw) : raw
  if (bytes.length < 4 + 4 * rank || bytes.readUInt32BE(0) !== 0x0800 + rank) {
    throw new Failure(`${file}: expected MNIST's format with ${rank} dimensions.`, 1)
  }
  const shape = Array.from({ length: rank }, (_, i) => bytes.readUInt32BE(4 + 4 * i))
  const size = shape.reduce((a, b) => a * b, 1)
  if (bytes.length !== 4 + 4 * rank + size) {
    throw new Failure(
      `${file}: ${bytes.length} bytes, expected ${4 + 4 * rank + size} for [${shape}]. Was it cut short?`,
      1,
    )
  }
  return { shape, data: bytes.subarray(4 + 4 * rank) }
}
