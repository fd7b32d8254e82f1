import type { Image } from '@dino/augment'
import { type DecodeOptions, decode, type Sample } from '@dino/augment/node'
import type { TrainImages } from './images.js'

/** Pixels of an image that is kept: for a larger one, decoding is long beside what opening a file costs. */
const MOST_PIXELS = 128 * 128
/** Bytes of all that is kept. */
const MOST_BYTES = 256 * 2 ** 20
const SLAB_BYTES = 4 * 2 ** 20

/**
 * Small images stay decoded after their first use: opening a file costs as much time as augmenting what is in it, and an epoch after the
 * first opens none. Where the first image is not small, nothing is kept. The pixels, and so the crops, are the same.
 *
 * @returns of an image's number what the pool takes: the image if it is kept, else where it lies
 */
export function imageCache(
  images: Pick<TrainImages, 'sample' | 'count'>,
  options: DecodeOptions,
): (index: number) => Promise<Sample> {
  const kept = new Map<number, Image>()
  let slab: { data: Uint8Array; used: number } = { data: new Uint8Array(), used: 0 }
  let bytes = 0
  let small: Promise<boolean> | undefined

  return async (index) => {
    const image = kept.get(index)
    if (image) return { index, image }
    const sample = images.sample(index)
    if ('image' in sample) return sample
    if (bytes >= MOST_BYTES) return sample
    const first = small ? undefined : read(sample)
    if (first) small = first.then(isSmall)
    if (!(await small)) return sample
    const decoded = await (first ?? read(sample))
    if (!isSmall(decoded)) return sample
    const own = keep(decoded)
    kept.set(index, own)
    return { index, image: own }
  }

  /** Undefined if it cannot be read: the pool finds out, and says so. */
  function read(sample: Exclude<Sample, { image: Image }>): Promise<Image | undefined> {
    return decode('part' in sample ? sample.part : sample.path, options).catch(() => undefined)
  }

  /** A copy in shared memory, which reaches the threads of the pool uncopied. */
  function keep(image: Image): Image {
    const { length } = image.data
    if (slab.used + length > slab.data.length) {
      slab = { data: new Uint8Array(new SharedArrayBuffer(Math.max(SLAB_BYTES, length))), used: 0 }
    }
    const data = slab.data.subarray(slab.used, slab.used + length)
    data.set(image.data)
    slab.used += length
    bytes += length
    return { ...image, data }
  }
}

function isSmall(image: Image | undefined): image is Image {
  return image !== undefined && image.width * image.height <= MOST_PIXELS
}
