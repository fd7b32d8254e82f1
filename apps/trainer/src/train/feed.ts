import type { MultiCropOptions } from '@dino/augment'
import { AugmentPool } from '@dino/augment/node'
import { permutation } from '@dino/random'
import type { TrainConfig } from '../config/schema.js'
import { Failure } from '../report/io.js'
import { imageCache } from './image-cache.js'
import type { TrainImages } from './images.js'

/** The crops of one step, uint8, channels last, view by view. */
export interface Batch {
  global: Uint8Array
  local?: Uint8Array
  /** Names of the images in it. */
  names: string[]
  /** Their numbers in the list. */
  indices: number[]
  /** Gives the memory of the crops back; they may not be read after it. */
  release(): void
}

export interface Feed {
  /** The crops of an iteration; iterations are asked for in order. */
  next(): Promise<Batch>
  /** Numbers of the images that could not be read so far, with the reason. */
  readonly setAside: ReadonlyMap<number, string>
  close(): Promise<void>
}

export interface FeedOptions {
  /** The views of each image. */
  crops: MultiCropOptions
  /** First iteration. */
  start: number
  /** Iterations of the run. */
  total: number
  iterationsPerEpoch: number
  /** Images set aside earlier in this run. */
  setAside?: Iterable<readonly [index: number, reason: string]>
}

/**
 * Feeds batches from iteration `start` on, two ahead of the step. Which images and crops an iteration gets depends on
 * the seed and the iteration alone, so a resumed run sees what an uninterrupted one would.
 *
 * An unreadable image is set aside for the rest of the run, also if it comes back: its place goes to the next readable one in the list.
 */
export function createFeed(
  images: TrainImages,
  config: Pick<TrainConfig, 'batchSize' | 'numWorkers' | 'seed' | 'background'>,
  { crops, start, total, iterationsPerEpoch, setAside: known = [] }: FeedOptions,
): Feed {
  const pool = new AugmentPool({
    workers: config.numWorkers,
    seed: config.seed,
    options: crops,
    decode: { background: config.background },
  })
  const sample = imageCache(images, { background: config.background })
  const setAside = new Map(known)
  const ahead: Promise<Batch>[] = []
  let order: { epoch: number; indices: Uint32Array } = { epoch: -1, indices: new Uint32Array() }
  let asked = start

  const next = async (iteration: number): Promise<Batch> => {
    const epoch = Math.floor(iteration / iterationsPerEpoch)
    if (order.epoch !== epoch) order = { epoch, indices: permutation(images.count, config.seed, epoch) }
    const first = (iteration % iterationsPerEpoch) * config.batchSize
    let indices = [...order.indices.subarray(first, first + config.batchSize)].map(readable)
    for (;;) {
      const batch = await pool.batch({ epoch, samples: await Promise.all(indices.map(sample)) })
      if (batch.failed.length === 0) {
        const [global, local] = batch.views
        const names = indices.map((i) => images.name(i))
        return { global: global!, local, names, indices, release: () => batch.release() }
      }
      for (const { index, reason } of batch.failed) setAside.set(index, reason)
      batch.release()
      indices = indices.map(readable)
    }
  }

  function readable(index: number): number {
    if (setAside.size >= images.count) {
      const [first, reason] = [...setAside][0]!
      throw new Failure(
        `None of the ${images.count} images can be read. The first one, ${images.name(first)}: ${reason}`,
      )
    }
    let candidate = index
    while (setAside.has(candidate)) candidate = (candidate + 1) % images.count
    return candidate
  }

  function fill(): void {
    while (ahead.length < 2 && asked < total) {
      const batch = next(asked++)
      batch.catch(() => {}) // reported when it is awaited
      ahead.push(batch)
    }
  }

  fill()
  return {
    setAside,
    async next() {
      fill()
      const batch = ahead.shift()
      if (!batch) throw new Error('feed.next: asked for more batches than the run has.')
      fill()
      return batch
    },
    async close() {
      await pool.terminate()
      await Promise.allSettled(ahead)
    },
  }
}
