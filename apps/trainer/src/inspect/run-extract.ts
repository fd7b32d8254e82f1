import type { ExtractOptions } from '../commands/extract.js'
import { productsOf } from '../config/precision.js'
import { counter } from '../report/counter.js'
import { bytes } from '../report/format.js'
import { Failure, type TrainIO } from '../report/io.js'
import { imagesOf, type TrainImages } from '../train/images.js'
import { weightsDigest } from './digest.js'
import { writeFeatures } from './feature-files.js'
import { type FeatureSource, featureSource } from './feature-kind.js'
import { openShards, type WriteShardsOptions, writeShards } from './feature-shards.js'
import { extractFeatures, type FeatureTable } from './features.js'

/** One file is held in memory whole; more than this is for shards. */
const MOST_BYTES = 2e9

/** `dino extract`: features of each image, in one file, or in a folder of shards that goes on where it was stopped. */
export async function runExtract(options: ExtractOptions, io: TrainIO): Promise<number> {
  if (options.blocks !== undefined && options.features !== 'blocks') {
    throw new Failure(`--blocks is for --features blocks, not ${options.features}.`, 2)
  }
  const images = await imagesOf(options.data, io)
  const source = await featureSource(options)
  return options.shardSize === undefined
    ? extractFile(options, images, source, io)
    : extractShards({ ...options, shardSize: options.shardSize }, images, source, io)
}

async function extractFile(options: ExtractOptions, images: TrainImages, source: FeatureSource, io: TrainIO) {
  const { format, output = `features.${format}` } = options
  const size = images.count * source.shape.reduce((product, n) => product * n, 4)
  if (size > MOST_BYTES) {
    throw new Failure(
      `${images.count} images x [${source.shape}] are ${bytes(size)}, too much for one file. Add --shard-size 1000: a folder of files.`,
      2,
    )
  }
  const table = await withEmbedder(source, options, io, async (extract) => extract(images, 0, images.count))
  if (table.rows === 0) throw new Failure(`None of the ${images.count} images in ${options.data} can be read.`)
  await writeFeatures(output, format, table, source.shape, images, aboutOf(options, source))
  const { rows, setAside } = table
  return tell(options, io, { output, rows, source, leftOut: setAside.size })
}

async function extractShards(
  options: ExtractOptions & { shardSize: number },
  images: TrainImages,
  source: FeatureSource,
  io: TrainIO,
) {
  const { features, format, network, precision, shardSize, data, output = 'features' } = options
  const { backbone, size, shape } = source
  const plan: WriteShardsOptions = {
    folder: output,
    settings: {
      features,
      rowShape: shape.join('x'),
      format,
      network,
      imageSize: size,
      precision,
      shardSize,
      weights: weightsDigest(backbone.tensors),
      background: backbone.background.join(','),
      images: images.count,
      data: images.digest,
    },
    about: { checkpoint: backbone.path, data, classes: images.classes, rowShape: shape, ...gridOf(source) },
    count: images.count,
    shardSize,
    extension: format,
  }
  let index = await openShards(plan)
  const kept = index.shards.length
  if (kept > 0) io.stderr.write(`${output} holds ${kept} of ${Math.ceil(images.count / shardSize)} shards already.\n`)
  if (!index.complete) {
    index = await withEmbedder(source, options, io, (extract) =>
      writeShards(plan, index, async (path, from, to) => {
        const table = await extract(images, from, to)
        await writeFeatures(path, format, table, shape, images, aboutOf(options, source))
        return { shape: [table.rows, ...shape], leftOut: table.setAside.size }
      }),
    )
  }
  if (index.rows === 0) throw new Failure(`None of the ${images.count} images in ${data} can be read.`)
  return tell(options, io, { output, rows: index.rows, source, leftOut: index.leftOut, shards: index.shards.length })
}

type Extract = (images: TrainImages, from: number, to: number) => Promise<FeatureTable>

/** Runs `work` with what makes the features of a part of the images, says how far it is, and names those left out. */
async function withEmbedder<T>(
  source: FeatureSource,
  options: ExtractOptions,
  io: TrainIO,
  work: (extract: Extract) => Promise<T>,
): Promise<T> {
  const { session, embed } = await source.open({ engine: options.engine, precision: productsOf(options), io })
  try {
    let count: ReturnType<typeof counter> | undefined
    const result = await work(async (images, from, to) => {
      count ??= counter(io, 'images', { start: from })
      const table = await extractFeatures(images, {
        embed,
        size: source.size,
        background: source.backbone.background,
        indices: Array.from({ length: to - from }, (_, i) => from + i),
        signal: io.signal,
        onProgress: (done) => count!.update(from + done, images.count),
      })
      for (const [file, reason] of table.setAside) count.note(`Left out, not readable: ${file}: ${reason}`)
      return table
    })
    count?.stop()
    return result
  } finally {
    await session.close()
  }
}

/** What each file says of itself. */
function aboutOf({ network, features, precision }: ExtractOptions, source: FeatureSource): Record<string, string> {
  const { grid } = source
  const about = { checkpoint: source.backbone.path, network, features, precision, imageSize: String(source.size) }
  return grid ? { ...about, grid: grid.join('x') } : about
}

function gridOf({ grid }: FeatureSource) {
  return grid && { grid }
}

function tell(
  { json }: ExtractOptions,
  io: TrainIO,
  {
    output,
    rows,
    source,
    leftOut,
    shards,
  }: { output: string; rows: number; source: FeatureSource; leftOut: number; shards?: number },
): number {
  const { shape } = source
  if (json) {
    const result = { output, rows, dim: shape.at(-1), shape: [rows, ...shape], leftOut, ...(shards && { shards }) }
    io.stdout.write(`${JSON.stringify(result)}\n`)
    return 0
  }
  const files = shards === undefined ? '' : ` in ${shards} ${shards === 1 ? 'shard' : 'shards'}`
  const out = leftOut > 0 ? `, ${leftOut} images left out` : ''
  io.stdout.write(`${output}: ${rows} rows of ${shape.join(' x ')} features${files}${out}\n`)
  return 0
}
