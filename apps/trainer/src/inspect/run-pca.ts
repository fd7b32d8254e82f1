import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Image, resize } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { openSession } from '@dino/graph'
import { gridSize } from '@dino/vit'
import { writeFileAtomic } from '@dino/weights/node'
import type { PcaOptions } from '../commands/pca.js'
import { sizedEmbedder } from '../evaluate/sized-embedder.js'
import { counter } from '../report/counter.js'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import { prefixed } from '../train/model.js'
import { type Backbone, loadBackbone } from './backbone.js'
import { weightsDigest } from './digest.js'
import { attentionBatch, patchEmbedder } from './embed.js'
import { distinctNames, type GivenImage, givenImages } from './given-images.js'
import { colourMap, cutToGrid, encodePng } from './images.js'
import { fitBasis, inFront, loadBasis, type PatchTokens, type PcaBasis, patchColours, saveBasis } from './pca-basis.js'
import { sizeToLookAt } from './size-to-look-at.js'

/** Features kept between the passes over the images; those of more are computed again. */
const KEPT_BYTES = 1e9

type Embed = (images: Uint8Array, height: number, width: number) => Promise<Float32Array>

interface Painted {
  image: string
  file: string
  rows: number
  columns: number
  /** Share of the patches that is in front. */
  foreground?: number
}

/** `dino pca`: the first three components of patch features as colours, in one basis for all images. */
export async function runPca(options: PcaOptions, io: TrainIO): Promise<number> {
  const { checkpoint, network, outputDir } = options
  if (options.basis && options.foreground) {
    throw new Failure('--foreground is part of a basis: give it when the basis is fitted, not with --basis.', 2)
  }
  const given = await givenImages('IMAGES', options.images, io)
  const backbone = await loadBackbone(checkpoint, network)
  const { config, normalization } = backbone
  sizeToLookAt({ width: config.patchSize, height: config.patchSize }, options.imageSize ?? [], config.patchSize, io)
  const weights = weightsDigest(backbone.tensors)
  const ready = options.basis ? await loadBasis(options.basis, weights) : undefined

  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  const painted: Painted[] = []
  const leftOut: string[] = []
  let explained: number[] | undefined
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const embed = sizedEmbedder(
      patchEmbedder,
      { session, config, prefix: 'backbone.', normalization },
      { least: config.patchSize, batch: (images, height, width) => attentionBatch(config, height, width, images) },
    )
    const source = patchSource(given, backbone, embed, options, leftOut, io)
    let basis: PcaBasis
    if (ready) basis = ready
    else {
      const each = (visit: (tokens: PatchTokens) => void) =>
        source.each('fitting: images', async (_, tokens) => visit(tokens))
      const fitted = await fitBasis(each, config.embedDim, weights, options.foreground)
      basis = fitted.basis
      explained = fitted.explained
      if (options.saveBasis) await saveBasis(options.saveBasis, basis)
    }
    const names = distinctNames(given.map(({ below }) => below))
    await source.each('painting: images', async (i, tokens) => {
      const file = join(outputDir, `${names[i]}.png`)
      const { rows, columns } = tokens
      const picture = colourMap(patchColours(tokens, basis), { rows, columns, patchSize: config.patchSize })
      await mkdir(dirname(file), { recursive: true })
      await writeFileAtomic(file, await encodePng(picture))
      painted.push({ image: given[i]!.name, file, rows, columns, ...frontOf(tokens, basis) })
    })
  } finally {
    await session.close()
  }
  tell({ backbone, painted, explained, leftOut }, options, io)
  return 0
}

function frontOf(tokens: PatchTokens, { foreground }: PcaBasis) {
  if (!foreground) return {}
  const inside = inFront(tokens, foreground)
  return { foreground: inside.reduce((sum, value) => sum + value, 0) / inside.length }
}

/** Patch features of all images that can be read, as often as they are asked for: from memory as far as that holds them. */
function patchSource(
  given: readonly GivenImage[],
  backbone: Backbone,
  embed: Embed,
  options: PcaOptions,
  leftOut: string[],
  io: TrainIO,
) {
  const kept = new Map<number, PatchTokens>()
  const unreadable = new Set<number>()
  let bytes = 0
  const tokensOf = async (i: number): Promise<PatchTokens | undefined> => {
    const known = kept.get(i)
    if (known || unreadable.has(i)) return known
    try {
      const { image, rows, columns } = await lookAt(given[i]!, backbone, options, io)
      const tokens = { data: await embed(image.data, image.height, image.width), rows, columns }
      bytes += tokens.data.byteLength
      if (bytes <= KEPT_BYTES) kept.set(i, tokens)
      return tokens
    } catch (error) {
      if (!(error instanceof DecodeError || error instanceof Failure)) throw error
      const reason = error instanceof DecodeError ? error.reason : error.message
      if (given.length === 1) throw new Failure(`${given[i]!.name}: ${reason}`)
      unreadable.add(i)
      leftOut.push(given[i]!.name)
      io.stderr.write(`Left out: ${given[i]!.name}: ${reason}\n`)
      return undefined
    }
  }
  return {
    async each(what: string, visit: (i: number, tokens: PatchTokens) => Promise<void>): Promise<void> {
      const count = given.length > 1 ? counter(io, what) : undefined
      for (let i = 0; i < given.length; i++) {
        io.signal.throwIfAborted()
        const tokens = await tokensOf(i)
        if (tokens) await visit(i, tokens)
        count?.update(i + 1, given.length)
      }
      count?.stop()
      if (unreadable.size === given.length) throw new Failure(`None of the ${given.length} images can be looked at.`)
    },
  }
}

async function lookAt(
  { sample }: GivenImage,
  { config, background }: Backbone,
  { imageSize = [] }: PcaOptions,
  io: TrainIO,
): Promise<{ image: Image; rows: number; columns: number }> {
  const decoded =
    'image' in sample ? sample.image : await decode('part' in sample ? sample.part : sample.path, { background })
  const size = sizeToLookAt(decoded, imageSize, config.patchSize, io)
  const sized = size.width === decoded.width && size.height === decoded.height ? decoded : resize(decoded, size)
  const [rows, columns] = gridSize(config, sized.height, sized.width)
  return { image: cutToGrid(sized, { rows, columns, patchSize: config.patchSize }), rows, columns }
}

interface Outcome {
  backbone: Backbone
  painted: readonly Painted[]
  explained: number[] | undefined
  leftOut: readonly string[]
}

function tell({ backbone, painted, explained, leftOut }: Outcome, options: PcaOptions, io: TrainIO): void {
  if (options.json) {
    const { network, basis } = options
    const result = { checkpoint: backbone.path, network, ...(basis && { basis }), ...(explained && { explained }) }
    io.stdout.write(`${JSON.stringify({ ...result, leftOut, images: painted })}\n`)
    return
  }
  const percent = (share: number) => (100 * share).toFixed(1)
  const front = painted.some(({ foreground }) => foreground !== undefined)
  const rows = painted.map(({ file, rows, columns, foreground }) => {
    return [file, `${rows}x${columns}`, ...(front ? [percent(foreground!)] : [])]
  })
  io.stdout.write(`${table(['picture', 'patches', ...(front ? ['in front %'] : [])], rows)}\n`)
  if (explained) io.stdout.write(`Red, green, blue: ${explained.map(percent).join(', ')} % of the variance.\n`)
}
