import { evalTransform, type Image } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { openSession, type Session } from '@dino/graph'
import { engineProgress } from '../report/engine-progress.js'
import type { TrainIO } from '../report/io.js'
import type { BackboneConfig } from '../train/backbone.js'
import type { TrainImages } from '../train/images.js'
import { prefixed } from '../train/model.js'
import type { Backbone } from './backbone.js'
import { clsEmbedder, type Embedder, type EmbedOptions } from './embed.js'

/** Features of a list of images, one row each; rows of unreadable images are left out. */
export interface FeatureTable {
  data: Float32Array
  rows: number
  dim: number
  /** Index in the list of each row. */
  indices: Int32Array
  setAside: Map<string, string>
}

export interface FeatureOptions {
  embed: Embedder
  /** Pixels of the square that the network sees. */
  size: number
  background: readonly [number, number, number]
  indices: ArrayLike<number>
  signal?: AbortSignal
  onProgress?(done: number, total: number): void
}

/** Images in memory at a time, as pixels: bounds the memory whatever the length of the list. */
const CHUNK = 64
/** Photographs decoded at a time: one may take 100 MB. */
const DECODERS = 4

/** Extracts features under the evaluation transform of the paper: resize to size·256/224, centre crop. */
export async function extractFeatures(
  images: TrainImages,
  { embed, indices, signal, onProgress, ...view }: FeatureOptions,
): Promise<FeatureTable> {
  const setAside = new Map<string, string>()
  const kept: number[] = []
  const data = new Float32Array(indices.length * embed.width)
  for (let first = 0; first < indices.length; first += CHUNK) {
    signal?.throwIfAborted()
    const chunk = Array.from({ length: Math.min(CHUNK, indices.length - first) }, (_, i) => indices[first + i]!)
    const { pixels, ...readable } = await evalPixels(images, chunk, view)
    data.set(await embed(pixels), kept.length * embed.width)
    kept.push(...readable.indices)
    for (const [name, reason] of readable.setAside) setAside.set(name, reason)
    onProgress?.(first + chunk.length, indices.length)
  }
  return {
    data: data.subarray(0, kept.length * embed.width),
    rows: kept.length,
    dim: embed.width,
    indices: Int32Array.from(kept),
    setAside,
  }
}

/** What a network sees of some images when it is evaluated. */
export async function evalPixels(
  images: TrainImages,
  indices: readonly number[],
  { size, background }: Pick<FeatureOptions, 'size' | 'background'>,
): Promise<{ pixels: Uint8Array; indices: number[]; setAside: Map<string, string> }> {
  const setAside = new Map<string, string>()
  const kept: number[] = []
  const bytes = size * size * 3
  const readable = (index: number) =>
    evalView(images, index, size, background).catch((error: unknown) => {
      if (!(error instanceof DecodeError)) throw error
      setAside.set(images.name(index), error.reason)
      return undefined
    })
  const pixels = new Uint8Array(indices.length * bytes)
  for (let first = 0; first < indices.length; first += CHUNK) {
    const chunk = indices.slice(first, first + CHUNK)
    const views = new Array<Uint8Array | undefined>(chunk.length)
    const todo = chunk.entries()
    const decodeNext = async () => {
      for (const [i, index] of todo) views[i] = await readable(index)
    }
    await Promise.all(Array.from({ length: DECODERS }, decodeNext))
    for (const [i, view] of views.entries()) {
      if (!view) continue
      pixels.set(view, kept.length * bytes)
      kept.push(chunk[i]!)
    }
  }
  return { pixels: pixels.subarray(0, kept.length * bytes), indices: kept, setAside }
}

async function evalView(
  images: TrainImages,
  index: number,
  size: number,
  background: readonly [number, number, number],
): Promise<Uint8Array> {
  const sample = images.sample(index)
  const image: Image =
    'image' in sample ? sample.image : await decode('part' in sample ? sample.part : sample.path, { background })
  return evalTransform(image, { resize: Math.round((size * 256) / 224), crop: size }).data
}

export interface OpenFeaturesOptions<C extends BackboneConfig> {
  engine: string
  /** Pixels of the square that the network sees. */
  size: number
  /** Images of one call. Default 32. */
  batch?: number
  /** Which features. Default: [CLS], or what a ResNet pools. */
  embedder?: (options: EmbedOptions<C>) => Promise<Embedder>
  io: TrainIO
}

/** A session that holds a backbone and turns square images of `size` pixels into its features. */
export async function openFeatures<C extends BackboneConfig>(
  backbone: Backbone<C>,
  { engine, size, batch = 32, embedder = clsEmbedder, io }: OpenFeaturesOptions<C>,
): Promise<{ session: Session; embed: Embedder }> {
  const session = await openSession({ engine, onProgress: engineProgress(io) })
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const embed = await embedder({
      session,
      config: backbone.config,
      prefix: 'backbone.',
      batch,
      height: size,
      width: size,
      normalization: backbone.normalization,
    })
    return { session, embed }
  } catch (error) {
    await session.close()
    throw error
  }
}
