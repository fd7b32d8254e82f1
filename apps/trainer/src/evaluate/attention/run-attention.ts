import type { EvalAttentionOptions } from '../../commands/eval-attention.js'
import {
  type AttentionScores,
  attentionScores,
  type ImageAttention,
  imageAttention,
} from '../../inspect/attention-scores.js'
import { type Backbone, loadBackbone } from '../../inspect/backbone.js'
import { attentionBatch, attentionEmbedder } from '../../inspect/embed.js'
import { openFeatures, squareView } from '../../inspect/features.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { init } from '../../train/backbone.js'
import { toHost } from '../../train/model.js'
import { cachedFeatures, cacheFolder } from '../feature-cache.js'
import { writeResult } from '../result.js'
import { resizeLabels } from '../video/label-png.js'
import { type MaskedImages, openCutouts, openVoc, UNDECIDED } from './object-masks.js'

/** Images whose attention is in memory at a time: 170 MB of a ViT-S/8 at 480 pixels. */
const PIECE = 2048
/** Images of one call. */
const BATCH = 32

/** What of each patch is object, and how much of it was decided, in pixels. */
interface PatchTruth {
  inside: Uint32Array
  decided: Uint32Array
}

/** `dino eval attention`: Jaccard of thresholded attention with the outline of objects, several networks side by side. */
export async function runEvalAttention(options: EvalAttentionOptions, io: TrainIO): Promise<number> {
  const { data, masks, split, threshold, network } = options
  if (threshold === 0) throw new Failure('--threshold: a mask that holds none of the attention covers nothing.', 2)
  const masked = masks === 'alpha' ? await openCutouts(data, io) : openVoc(data, masks, split)
  const backbone = await loadBackbone(options.checkpoint, network)
  const size = options.imageSize ?? backbone.imageSize
  const networks: [string, Backbone][] = [[options.checkpoint, backbone]]
  for (const checkpoint of options.compare ?? []) networks.push([checkpoint, await other(checkpoint, backbone)])
  const columns: ({ checkpoint: string; images: number } & AttentionScores)[] = []
  for (const [checkpoint, own] of networks) {
    const scores = await scoresOf(own, checkpoint, masked, { ...options, size }, io)
    columns.push({ checkpoint, images: scores.length, ...attentionScores(scores) })
  }
  const result = {
    checkpoint: backbone.path,
    network,
    data,
    masks,
    split,
    threshold,
    imageSize: size,
    networks: columns,
  }
  io.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${scoreTable(columns)}\n`)
  await writeResult(backbone, 'attention', result, options)
  return 0
}

/** A network to compare with: a file, or the same one untrained. */
async function other(checkpoint: string, like: Backbone): Promise<Backbone> {
  if (checkpoint !== 'random') return loadBackbone(checkpoint)
  return { ...like, path: 'random', run: false, tensors: toHost(init(like.config, 0)) }
}

async function scoresOf(
  backbone: Backbone,
  what: string,
  { images, truth }: MaskedImages,
  { size, engine, cacheDir, threshold }: EvalAttentionOptions & { size: number },
  io: TrainIO,
): Promise<ImageAttention[]> {
  const { config, background } = backbone
  const batch = attentionBatch(config, size, size, BATCH)
  const { session, embed } = await openFeatures(backbone, { engine, size, batch, embedder: attentionEmbedder, io })
  const scores: ImageAttention[] = []
  try {
    const folder = cacheFolder(backbone, cacheDir)
    for (let first = 0; first < images.count; first += PIECE) {
      const indices = Array.from({ length: Math.min(PIECE, images.count - first) }, (_, i) => first + i)
      const common = { backbone, layers: 'attention', what, folder, embed, size, view: squareView, background, indices }
      const maps = await cachedFeatures(images, common, io)
      for (const [row, index] of maps.indices.entries()) {
        const patches = patchTruth(await truth(index), size, config.patchSize)
        if (patches === undefined) {
          io.stderr.write(`Left out, all object or none: ${images.name(index)}\n`)
          continue
        }
        const map = maps.data.subarray(row * maps.dim, (row + 1) * maps.dim)
        scores.push(imageAttention(map, config.numHeads, threshold, (mask) => pixelJaccard(mask, patches)))
      }
    }
  } finally {
    await session.close()
  }
  if (scores.length > 0) return scores
  throw new Failure(`None of the ${images.count} images can be read and shows an object on a ground that is known.`)
}

/** The truth at the size that the network sees, counted by patch; undefined if there is nothing to tell apart. */
function patchTruth(
  { labels, width, height }: Awaited<ReturnType<MaskedImages['truth']>>,
  size: number,
  patchSize: number,
): PatchTruth | undefined {
  const pixels = resizeLabels(labels, [width, height], [size, size])
  const columns = Math.floor(size / patchSize) // beyond whole patches nothing is looked at
  const inside = new Uint32Array(columns * columns)
  const decided = new Uint32Array(columns * columns)
  for (let y = 0; y < columns * patchSize; y++) {
    for (let x = 0; x < columns * patchSize; x++) {
      const label = pixels[y * size + x]!
      if (label === UNDECIDED) continue
      const patch = Math.floor(y / patchSize) * columns + Math.floor(x / patchSize)
      decided[patch]!++
      if (label !== 0) inside[patch]!++
    }
  }
  const objects = sum(inside)
  return objects === 0 || objects === sum(decided) ? undefined : { inside, decided }
}

/** Jaccard of a mask of patches, in pixels that were decided. */
function pixelJaccard(mask: Uint8Array, { inside, decided }: PatchTruth): number {
  let both = 0
  let either = 0
  for (const [patch, looked] of mask.entries()) {
    if (looked) both += inside[patch]!
    either += looked ? decided[patch]! : inside[patch]!
  }
  return both / either
}

function sum(counts: Uint32Array): number {
  return counts.reduce((total, count) => total + count, 0)
}

function scoreTable(columns: readonly ({ checkpoint: string; images: number } & AttentionScores)[]): string {
  const percent = (value: number) => (100 * value).toFixed(1)
  return table(
    ['Jaccard %', ...columns.map(({ checkpoint }) => checkpoint)],
    [
      ['best head of each image', ...columns.map(({ bestHeadOfEachImage }) => percent(bestHeadOfEachImage))],
      ['best head', ...columns.map(({ bestHead }) => percent(bestHead))],
      ['mean of the heads', ...columns.map(({ meanHead }) => percent(meanHead))],
      ['which head is best', ...columns.map(({ bestHeadIndex }) => String(bestHeadIndex))],
      ['images', ...columns.map(({ images }) => String(images))],
    ],
  )
}
