import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import * as augment from '@dino/augment'
import { AugmentPool, decode, listImages } from '@dino/augment/node'
import type { CommandContext } from '@stricli/core'
import sharp from 'sharp'

/** What a process of either side prints: one JSON line, under the names of peers/bench_augment.py. Times in milliseconds. */
export interface AugmentTiming {
  peer: string
  version: string
  photos: number
  decode: number[]
  /** Ten crops of a decoded photo, as bytes. */
  crops: number[]
  /** The same, normalised to float32. */
  floats: number[]
  /** From a file's bytes to ten normalised crops. */
  file: number[]
  ops: Record<string, number[]>
  /** Peak of the process. */
  max_rss_gb: number
}

export interface PoolTiming {
  peer: string
  workers: number
  images_per_s: number
  /** Peak of the process; of a loader, its largest worker's with it. */
  max_rss_gb: number
}

export interface ChildFlags {
  photos: string
  repeats: number
  workers?: number
}

export async function printAugment(this: CommandContext, flags: ChildFlags): Promise<void> {
  const result = flags.workers === undefined ? await timeAugment(flags) : await timePool(flags, flags.workers)
  this.process.stdout.write(`${JSON.stringify(result)}\n`)
}

async function timeAugment({ photos, repeats }: ChildFlags): Promise<AugmentTiming> {
  sharp.concurrency(1)
  sharp.cache(false)
  const { files } = await listImages(photos)
  const raw = files.map(({ path }) => readFileSync(path))
  const decoded = await Promise.all(raw.map((bytes) => decode(bytes)))
  const crops = augment.multiCrop()
  let sample = 0
  const views = (image: augment.Image) => crops.apply(image, crops.plan({ seed: 0, epoch: 0, sample: sample++ }))
  const floats = (image: augment.Image) =>
    views(image).map((data, i) => {
      const { size } = crops.views[i]!
      return augment.normalize({ data, width: size, height: size, channels: 3 }, { layout: 'chw' })
    })
  const times = async <T>(work: (item: T) => unknown, items: T[], rounds = repeats) => {
    for (const item of items.slice(0, 3)) await work(item)
    const measured: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const item of items) {
        const began = performance.now()
        await work(item)
        measured.push(performance.now() - began)
      }
    }
    return measured
  }
  const one = augment.resize(decoded[0]!, { width: 224, height: 224 })
  const box = { top: 30, left: 40, height: 300, width: 400, size: 224 }
  const operations: Record<string, () => unknown> = {
    resizedCrop: () => augment.resizedCrop(decoded[0]!, box),
    brightness: () => augment.brightness(one, 1.2),
    contrast: () => augment.contrast(one, 1.2),
    saturation: () => augment.saturation(one, 1.2),
    hue: () => augment.hue(one, 0.07),
    grayscale: () => augment.grayscale(one),
    gaussianBlur: () => augment.gaussianBlur(one, 1),
    solarize: () => augment.solarize(one),
    normalize: () => augment.normalize(one, { layout: 'chw' }),
  }
  const ops: Record<string, number[]> = {}
  for (const [name, work] of Object.entries(operations)) ops[name] = await times(work, [undefined], 40 * repeats)
  return {
    peer: '@dino/augment',
    version: `Node ${process.versions.node}, ${augment.kernelsInUse()}`,
    photos: files.length,
    decode: await times((bytes) => decode(bytes), raw),
    crops: await times(views, decoded),
    floats: await times(floats, decoded),
    file: await times(async (bytes) => floats(await decode(bytes)), raw),
    ops,
    max_rss_gb: memory(),
  }
}

/** Batches of 8 from files, two asked for ahead, as training does; long enough for threads to have compiled what they run. */
async function timePool({ photos, repeats }: ChildFlags, workers: number): Promise<PoolTiming> {
  const { files } = await listImages(photos)
  const pool = new AugmentPool({ seed: 0, workers })
  const size = 8
  const batch = async (number: number) => {
    const samples = Array.from({ length: size }, (_, i) => {
      const index = number * size + i
      return { index, path: files[index % files.length]!.path }
    })
    const { failed, release } = await pool.batch({ epoch: 0, samples })
    if (failed.length > 0) throw new Error(`${failed[0]!.path}: ${failed[0]!.reason}`)
    release()
  }
  let next = 0
  const feedUntil = async (end: number) => {
    const feed = async () => {
      while (next < end) await batch(next++)
    }
    await Promise.all([feed(), feed(), feed()])
  }
  await feedUntil(8)
  const batches = Math.max(4, Math.floor((8 * files.length * repeats) / size))
  const began = performance.now()
  await feedUntil(8 + batches)
  const seconds = (performance.now() - began) / 1000
  await pool.terminate()
  return { peer: '@dino/augment', workers, images_per_s: (batches * size) / seconds, max_rss_gb: memory() }
}

/** The most that this process held, GB. */
function memory(): number {
  return process.resourceUsage().maxRSS / 1e6
}
