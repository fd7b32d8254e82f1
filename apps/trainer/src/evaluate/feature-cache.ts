import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SafetensorsError } from '@dino/weights'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import type { AnyBackbone, Backbone } from '../inspect/backbone.js'
import { extractFeatures, type FeatureOptions, type FeatureTable } from '../inspect/features.js'
import { type Counter, counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'
import type { TrainImages } from '../train/images.js'

export interface CachedFeatureOptions extends Omit<FeatureOptions, 'signal' | 'onProgress'> {
  backbone: AnyBackbone
  /** What the embedder takes of the network, such as `cls`: features of other layers are kept apart. */
  layers: string
  /** What is extracted, for people: `train`. */
  what: string
  /** Where features are kept, see cacheFolder. Undefined: they are not. */
  folder: string | undefined
  /** Images of a file of the cache: what a kill can cost. Default 512. */
  chunk?: number
}

/** Changes when the same key would mean other features. */
const FORMAT = 1
/** An extraction that takes this long should be kept. */
const LONG_MS = 60_000

/** Where the features of a backbone are kept: in `cacheDir`, else with the run that it is of. Somebody's weights have no such place. */
export function cacheFolder(backbone: Pick<Backbone, 'path' | 'run'>, cacheDir?: string): string | undefined {
  return cacheDir ?? (backbone.run ? join(dirname(backbone.path), 'features') : undefined)
}

/**
 * Features of a list of images, as extractFeatures gives them, with progress on stderr and unreadable images named there.
 * They go to disk while they are made: a second call reads them, and after a kill it goes on where the first one stopped.
 *
 * A file of the cache is written at once or not at all; one that is damaged is made again. Memory holds the table and one chunk.
 */
export async function cachedFeatures(
  images: TrainImages,
  { backbone, layers, what, folder, chunk: size = 512, ...options }: CachedFeatureOptions,
  io: TrainIO,
): Promise<FeatureTable> {
  const { embed, indices } = options
  const cache = folder && join(folder, cacheKey(backbone, layers, images, options))
  if (cache) await makeFolder(cache)
  let count: Counter | undefined
  const data = new Float32Array(indices.length * embed.width)
  const kept: number[] = []
  const setAside = new Map<string, string>()
  const began = performance.now()
  let read = 0
  /** Whether an image that could not be read when a chunk was made can be read now: mended, or fetched again. */
  const someAreBack = async ({ indices: kept, setAside }: FeatureTable, all: readonly number[]) => {
    if (setAside.size === 0) return false
    const missing = all.filter((index) => !kept.includes(index))
    return (await extractFeatures(images, { ...options, indices: missing, signal: io.signal })).rows > 0
  }
  for (let first = 0; first < indices.length; first += size) {
    io.signal.throwIfAborted()
    const part = Array.from({ length: Math.min(size, indices.length - first) }, (_, i) => indices[first + i]!)
    const file = cache && join(cache, `${String(first / size).padStart(6, '0')}.safetensors`)
    let table = file && (await readChunk(file, embed.width))
    if (table && (await someAreBack(table, part))) table = undefined
    if (!table) {
      const shown = (count ??= counter(io, `${what}: images`, { start: first }))
      const onProgress = (done: number) => shown.update(first + done, indices.length)
      table = await extractFeatures(images, { ...options, indices: part, signal: io.signal, onProgress })
      if (file) await writeChunk(file, table, { checkpoint: backbone.path, layers })
    }
    data.set(table.data, kept.length * embed.width)
    kept.push(...table.indices)
    for (const [name, reason] of table.setAside) setAside.set(name, reason)
    read += count ? 0 : part.length
  }
  count?.stop()
  if (read > 0) io.stderr.write(`${what}: features of ${read} images were there, in ${cache}\n`)
  for (const [name, reason] of setAside) io.stderr.write(`Left out, not readable: ${name}: ${reason}\n`)
  if (!cache && performance.now() - began > LONG_MS) tellNotKept(io)
  return {
    data: data.subarray(0, kept.length * embed.width),
    rows: kept.length,
    dim: embed.width,
    indices: Int32Array.from(kept),
    setAside,
  }
}

/** A hash of all that the features depend on. */
export function cacheKey(
  { config, tensors, normalization }: AnyBackbone,
  layers: string,
  images: TrainImages,
  { size, background, indices, view }: Pick<FeatureOptions, 'size' | 'background' | 'indices' | 'view'>,
): string {
  const hash = createHash('sha256')
  const { mean, std } = normalization
  hash.update(JSON.stringify([FORMAT, config, mean, std, layers, images.digest, size, background, view?.name]))
  hash.update(Int32Array.from(indices))
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, shape, data } = tensors[name]!
    hash
      .update(JSON.stringify([name, dtype, shape]))
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  }
  return hash.digest('hex').slice(0, 16)
}

async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: Error) => {
    throw new Failure(`${folder}: features cannot be kept there (${error.message}). Choose a folder with --cache-dir.`)
  })
}

/** @returns undefined for a chunk that is missing, damaged or of something else */
async function readChunk(file: string, dim: number): Promise<FeatureTable | undefined> {
  try {
    const { tensors, metadata } = await readSafetensors(file)
    const { features, indices } = tensors
    if (features?.shape[1] !== dim || indices?.shape[0] !== features.shape[0]) return undefined
    return {
      data: features.data as Float32Array,
      rows: features.shape[0]!,
      dim,
      indices: indices.data as Int32Array,
      setAside: new Map(JSON.parse(metadata.setAside ?? '[]') as [string, string][]),
    }
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined
    throw error
  }
}

function writeChunk(file: string, table: FeatureTable, about: Record<string, string>): Promise<void> {
  const { data, rows, dim, indices, setAside } = table
  return writeSafetensors(
    file,
    {
      features: { dtype: 'float32', shape: [rows, dim], data },
      indices: { dtype: 'int32', shape: [rows], data: indices },
    },
    { ...about, setAside: JSON.stringify([...setAside]) },
  )
}

const told = new WeakSet<TrainIO>()

function tellNotKept(io: TrainIO): void {
  if (told.has(io)) return
  told.add(io)
  io.stderr.write('These features are not kept: with --cache-dir FOLDER the next command would read them.\n')
}
