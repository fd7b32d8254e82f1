import { evalTransform, type Image, resize } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { openSession, type Session } from '@dino/graph'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'
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

/** What a network sees of an image. */
export interface View {
  /** Keeps features of one view apart from those of another. */
  name: string
  /** @param index which image of the list */
  of(image: Image, size: number, index: number): Image
}

/** The evaluation transform of the paper: the shorter side resized to size · 256/224, the square in the middle. */
export const evalView: View = {
  name: 'eval',
  of: (image, size) => evalTransform(image, { resize: Math.round((size * 256) / 224), crop: size }),
}

/** The whole image as a square, whatever its shape. */
export const squareView: View = {
  name: 'square',
  of: (image, size) => resize(image, { width: size, height: size }),
}

/** Embeds images of one size at a time; an {@link Embedder}, made for one size, is one. */
export interface ViewEmbedder {
  (images: Uint8Array, height: number, width: number): Promise<Float32Array>
  width: number
}

export interface FeatureOptions {
  embed: ViewEmbedder
  /** Pixels of the square that the network sees, or what else the view makes of it. */
  size: number
  /** Default: the paper's evaluation transform. */
  view?: View
  background: readonly [number, number, number]
  indices: ArrayLike<number>
  signal?: AbortSignal
  onProgress?(done: number, total: number): void
}

/** Images in memory at a time, as pixels: bounds the memory whatever the length of the list. */
const CHUNK = 64
/** Photographs decoded at a time: one may take 100 MB. */
const DECODERS = 4

/** Extracts the features of what the network sees of each image. */
export async function extractFeatures(
  images: TrainImages,
  { embed, indices, signal, onProgress, ...options }: FeatureOptions,
): Promise<FeatureTable> {
  const setAside = new Map<string, string>()
  const kept: number[] = []
  const data = new Float32Array(indices.length * embed.width)
  const chunkFrom = (first: number) =>
    Array.from({ length: Math.min(CHUNK, indices.length - first) }, (_, i) => indices[first + i]!)
  let next = viewsOf(images, indices.length > 0 ? chunkFrom(0) : [], options)
  for (let first = 0; first < indices.length; first += CHUNK) {
    signal?.throwIfAborted()
    const chunk = chunkFrom(first)
    const { views, ...readable } = await next
    if (first + CHUNK < indices.length) {
      next = viewsOf(images, chunkFrom(first + CHUNK), options) // while the network is busy with these
      next.catch(() => {}) // thrown when it is waited for, if that comes to be
    }
    data.set(await embedViews(embed, views), kept.length * embed.width)
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

/** What a network sees of some images when it is evaluated, as square RGB images one after the other. */
export async function evalPixels(
  images: TrainImages,
  indices: readonly number[],
  { size, background }: Pick<FeatureOptions, 'size' | 'background'>,
): Promise<{ pixels: Uint8Array; indices: number[]; setAside: Map<string, string> }> {
  const bytes = size * size * 3
  const pixels = new Uint8Array(indices.length * bytes)
  const kept: number[] = []
  const setAside = new Map<string, string>()
  for (let first = 0; first < indices.length; first += CHUNK) {
    const { views, ...readable } = await viewsOf(images, indices.slice(first, first + CHUNK), { size, background })
    for (const [i, view] of views.entries()) pixels.set(view.data, (kept.length + i) * bytes)
    kept.push(...readable.indices)
    for (const [name, reason] of readable.setAside) setAside.set(name, reason)
  }
  return { pixels: pixels.subarray(0, kept.length * bytes), indices: kept, setAside }
}

/** The views of the images that can be read. */
async function viewsOf(
  images: TrainImages,
  indices: readonly number[],
  { size, background, view = evalView }: Pick<FeatureOptions, 'size' | 'background' | 'view'>,
): Promise<{ views: Image[]; indices: number[]; setAside: Map<string, string> }> {
  const setAside = new Map<string, string>()
  const views = new Array<Image | undefined>(indices.length)
  const todo = indices.entries()
  const decodeNext = async () => {
    for (const [i, index] of todo) {
      try {
        views[i] = view.of(await decodeSample(images, index, background), size, index)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        setAside.set(images.name(index), error.reason)
      }
    }
  }
  await Promise.all(Array.from({ length: DECODERS }, decodeNext))
  return {
    views: views.filter((image) => image !== undefined),
    indices: indices.filter((_, i) => views[i]),
    setAside,
  }
}

async function decodeSample(images: TrainImages, index: number, background: readonly number[]): Promise<Image> {
  const sample = images.sample(index)
  return 'image' in sample ? sample.image : decode('part' in sample ? sample.part : sample.path, { background })
}

/** A row of features for each view, those of one size embedded together. */
async function embedViews(embed: ViewEmbedder, views: readonly Image[]): Promise<Float32Array> {
  const rows = new Float32Array(views.length * embed.width)
  const groups = new Map<string, number[]>()
  for (const [i, { height, width }] of views.entries()) {
    const size = `${height}x${width}`
    groups.set(size, [...(groups.get(size) ?? []), i])
  }
  for (const group of groups.values()) {
    const { height, width } = views[group[0]!]!
    const pixels = new Uint8Array(group.length * height * width * 3)
    for (const [i, view] of group.entries()) pixels.set(views[view]!.data, i * height * width * 3)
    const features = await embed(pixels, height, width)
    for (const [i, view] of group.entries()) {
      rows.set(features.subarray(i * embed.width, (i + 1) * embed.width), view * embed.width)
    }
  }
  return rows
}

export interface OpenFeaturesOptions<C extends BackboneConfig> {
  engine: string
  /** Pixels of the square that the network sees. */
  size: number
  /** Images of one call. Default 32. */
  batch?: number
  /** What products are computed in. Default float32. */
  precision?: EmbedOptions['precision']
  /** Which features. Default: [CLS], or what a ResNet pools. */
  embedder?: (options: EmbedOptions<C>) => Promise<Embedder>
  io: TrainIO
}

/** A session that holds a backbone and turns square images of `size` pixels into its features. */
export async function openFeatures<C extends BackboneConfig>(
  backbone: Backbone<C>,
  { engine, size, batch = 32, precision, embedder = clsEmbedder, io }: OpenFeaturesOptions<C>,
): Promise<{ session: Session; embed: Embedder }> {
  const session = await openSession({ engine, onProgress: engineProgress(io) })
  try {
    if (session.engine.kind === 'eager' && precision === 'bfloat16') {
      throw new Failure('--precision bf16 needs TensorFlow, and the eager engine is what there is. Leave it out.', 2)
    }
    // Float32 gains a twentieth by it, for half a gigabyte of copies of a ViT-S.
    const freeze = precision === 'bfloat16'
    const variables = prefixed('backbone.', backbone.tensors)
    await session.create(variables)
    const embed = await embedder({
      session,
      config: backbone.config,
      prefix: 'backbone.',
      batch,
      height: size,
      width: size,
      normalization: backbone.normalization,
      precision,
      freeze,
    })
    if (freeze) await session.remove(Object.keys(variables)) // constants of the graph by now
    return { session, embed }
  } catch (error) {
    await session.close()
    throw error
  }
}
