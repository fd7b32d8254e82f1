import { type BatchMemory, viewsOfRow } from './batch-memory.js'
import { calmSharp, type DecodeOptions, decode } from './decode.js'
import type { FilePart } from './file-part.js'
import { isUrl } from './http-range.js'
import type { Image } from './image.js'
import type { MultiCrop } from './multi-crop.js'
import { toRgb } from './to-rgb.js'

/** One sample to turn into its rows of a batch. */
export interface SampleJob {
  epoch: number
  /** Of the sample in its data set: a part of the key of its draws. */
  index: number
  source: string | FilePart | Image
  row: number
  memory: BatchMemory
}

export interface JobSettings {
  augment: MultiCrop
  seed: number
  decode: DecodeOptions
}

/** Begins to read the image of a sample: most of it happens on a thread of libuv. */
export function readJob({ decode }: JobSettings, { source }: SampleJob): Promise<Image> {
  const image = isImage(source) ? Promise.resolve(source) : read(source, decode)
  image.catch(() => {}) // reported by runJob
  return image
}

/** Writes the views of a sample. Where it cannot be read they are zeros, and the reason is returned. */
export async function runJob(
  { augment, seed, decode: { background } }: JobSettings,
  { epoch, index, row, memory }: SampleJob,
  image: Promise<Image>,
): Promise<string | null> {
  const views = viewsOfRow(augment, memory, row)
  try {
    const rgb = toRgb(await image, background)
    augment.apply(rgb, augment.plan({ seed, epoch, sample: index }), views)
    return null
  } catch (error) {
    for (const view of views) view.fill(0)
    return (error as { reason?: string }).reason ?? (error as Error).message
  }
}

/** Whether its bytes come from a server: most of the time is waiting. */
export function isRemote({ source }: SampleJob): boolean {
  return !isImage(source) && isUrl(typeof source === 'string' ? source : source.container)
}

export function isImage(source: SampleJob['source']): source is Image {
  return typeof source !== 'string' && 'data' in source
}

let calm: Promise<void> | undefined

/** Sharp is loaded with the first file: images in memory need none. */
async function read(source: string | FilePart, options: DecodeOptions): Promise<Image> {
  await (calm ??= calmSharp())
  return decode(source, options)
}
