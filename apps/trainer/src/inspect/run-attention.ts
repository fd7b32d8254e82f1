import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Image, resize } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { openSession } from '@dino/graph'
import { gridSize } from '@dino/vit'
import { writeFileAtomic } from '@dino/weights/node'
import type { AttentionOptions } from '../commands/attention.js'
import { sizedEmbedder } from '../evaluate/sized-embedder.js'
import { counter } from '../report/counter.js'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'
import { prefixed } from '../train/model.js'
import { attentionPictures } from './attention-pictures.js'
import { type Backbone, loadBackbone } from './backbone.js'
import { attentionBatch, attentionEmbedder } from './embed.js'
import { distinctNames, type GivenImage, givenImages } from './given-images.js'
import { cutToGrid, encodePng, type PatchGrid } from './images.js'
import { sizeToLookAt } from './size-to-look-at.js'

/** Images in memory at a time: among so many those of one size are looked at together. */
const WINDOW = 16
/** Images of one call. */
const BATCH = 8

/** An image as the network sees it, and where its pictures go. */
interface Look {
  name: string
  folder: string
  image: Image
  grid: PatchGrid
}

interface Drawn {
  image: string
  rows: number
  columns: number
  files: string[]
}

/** `dino attention`: pictures of the last block's attention from [CLS], one head each and their mean, of any number of images. */
export async function runAttention(options: AttentionOptions, io: TrainIO): Promise<number> {
  const { checkpoint, network, outputDir, threshold } = options
  if (threshold === 0) throw new Failure('--threshold: a mask that holds none of the attention shows nothing.', 2)
  const given = await givenImages('IMAGES', options.images, io)
  const backbone = await loadBackbone(checkpoint, network)
  const { patchSize, numHeads } = backbone.config
  // what is wrong with the flag itself is told once, before anything is read
  sizeToLookAt({ width: patchSize, height: patchSize }, options.imageSize ?? [], patchSize, io)
  const one = given.length === 1
  const folders = one
    ? [outputDir]
    : distinctNames(given.map(({ below }) => below)).map((name) => join(outputDir, name))
  const drawn: Drawn[] = []
  const leftOut: string[] = []
  const count = one ? undefined : counter(io, 'images')
  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const { config, normalization } = backbone
    const embed = sizedEmbedder(
      attentionEmbedder,
      { session, config, prefix: 'backbone.', normalization },
      {
        least: patchSize,
        batch: (images, height, width) => attentionBatch(config, height, width, Math.min(images, BATCH)),
      },
    )
    for (let first = 0; first < given.length; first += WINDOW) {
      const looks: Look[] = []
      for (const [i, image] of given.slice(first, first + WINDOW).entries()) {
        try {
          looks.push({ ...(await lookAt(image, backbone, options, io)), folder: folders[first + i]! })
        } catch (error) {
          if (one || !(error instanceof DecodeError || error instanceof Failure)) throw error
          leftOut.push(image.name)
          io.stderr.write(`Left out: ${image.name}: ${error instanceof DecodeError ? error.reason : error.message}\n`)
        }
      }
      for (const group of bySize(looks)) {
        const { height, width } = group[0]!.image
        const pixels = Buffer.concat(group.map(({ image }) => image.data))
        const maps = await embed(pixels, height, width) // [images, heads, patches]
        const each = maps.length / group.length
        for (const [i, look] of group.entries()) {
          drawn.push(await draw(look, maps.subarray(i * each, (i + 1) * each), threshold))
        }
      }
      count?.update(Math.min(first + WINDOW, given.length), given.length)
    }
  } finally {
    count?.stop()
    await session.close()
  }
  if (drawn.length === 0) throw new Failure(`None of the ${given.length} images can be looked at.`)
  if (options.json) {
    const result = { checkpoint: backbone.path, network, heads: numHeads, threshold, leftOut, images: drawn }
    io.stdout.write(`${JSON.stringify(result)}\n`)
  } else {
    const files = drawn.reduce((sum, { files }) => sum + files.length, 0)
    const what = one ? `${drawn[0]!.rows}x${drawn[0]!.columns} patches` : `a folder for each of ${drawn.length} images`
    io.stdout.write(`${files} pictures in ${outputDir}: ${numHeads} heads and their mean, ${what}.\n`)
  }
  return 0
}

async function lookAt(
  { name, sample }: GivenImage,
  { config, background }: Backbone,
  { imageSize = [] }: AttentionOptions,
  io: TrainIO,
): Promise<Omit<Look, 'folder'>> {
  const { patchSize } = config
  const decoded =
    'image' in sample ? sample.image : await decode('part' in sample ? sample.part : sample.path, { background })
  const size = sizeToLookAt(decoded, imageSize, patchSize, io)
  const sized = size.width === decoded.width && size.height === decoded.height ? decoded : resize(decoded, size)
  const [rows, columns] = gridSize(config, sized.height, sized.width)
  const grid = { rows, columns, patchSize }
  return { name, image: cutToGrid(sized, grid), grid }
}

function bySize(looks: readonly Look[]): Look[][] {
  const groups = new Map<string, Look[]>()
  for (const look of looks) {
    const size = `${look.image.height}x${look.image.width}`
    groups.set(size, [...(groups.get(size) ?? []), look])
  }
  return [...groups.values()]
}

async function draw({ name, folder, image, grid }: Look, maps: Float32Array, threshold: number): Promise<Drawn> {
  await mkdir(folder, { recursive: true })
  const files: string[] = []
  for (const [file, picture] of attentionPictures(image, maps, grid, threshold)) {
    const target = join(folder, file)
    await writeFileAtomic(target, await encodePng(picture))
    files.push(target)
  }
  return { image: name, rows: grid.rows, columns: grid.columns, files }
}
