import { type BatchMemory, viewsOfRow } from './batch-memory.js'
import { calmSharp, type DecodeOptions, decode } from './decode.js'
import type { FilePart } from './file-part.js'
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

/** Writes the views of a sample. Where it cannot be read they are zeros, and the reason is returned. */
export async function runJob(
  { augment, seed, decode: decodeOptions }: JobSettings,
  { epoch, index, source, row, memory }: SampleJob,
): Promise<string | null> {
  const views = viewsOfRow(augment, memory, row)
  try {
    const image = isImage(source) ? source : await read(source, decodeOptions)
    const rgb = toRgb(image, decodeOptions.background)
    augment.apply(rgb, augment.plan({ seed, epoch, sample: index }), views)
    return null
  } catch (error) {
    for (const view of views) view.fill(0)
    return (error as { reason?: string }).reason ?? (error as Error).message
  }
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
