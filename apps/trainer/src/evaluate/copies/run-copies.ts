import { applyWhitening, copyDetection, type Features, learnWhitening } from '@dino/eval'
import type { CopiesOptions } from '../../commands/eval-copies.js'
import { loadBackbone } from '../../inspect/backbone.js'
import { openFeatures, squareView } from '../../inspect/features.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { imagesOf, type TrainImages } from '../../train/images.js'
import { cachedFeatures, cacheFolder } from '../feature-cache.js'
import { complete, listedImages } from '../listed-images.js'
import { writeResult } from '../result.js'
import { copyEmbedder } from './copy-embedder.js'
import { openCopydays } from './copydays.js'

/** Database rows that are looked at for each copy (METHOD.md, 1.17). */
const TOP = 20

/** `dino eval copies`: Copydays. */
export async function runCopies(options: CopiesOptions, io: TrainIO): Promise<number> {
  const { data, network, uncentredCovariance } = options
  if (uncentredCovariance && options.whitening === undefined) {
    throw new Failure('--uncentred-covariance is about a whitening: say with --whitening what to learn it from.', 2)
  }
  const { originals, blocks } = openCopydays(data)
  const others = (source: string | undefined) => (source === undefined ? undefined : imagesOf(source, io))
  const [distractors, learned] = [await others(options.distractors), await others(options.whitening)]
  const backbone = await loadBackbone(options.checkpoint, network)
  const size = options.imageSize ?? backbone.imageSize
  const opened = await openFeatures(backbone, { engine: options.engine, size, embedder: copyEmbedder, io })
  try {
    const folder = cacheFolder(backbone, options.cacheDir)
    const featuresOf = (what: string, images: TrainImages) => {
      const indices = [...Array(images.count).keys()]
      const common = { backbone, layers: 'cls and gem 4', what, folder, embed: opened.embed, size, view: squareView }
      return cachedFeatures(images, { ...common, background: backbone.background, indices }, io)
    }
    const listed = async (what: string, files: string[]) => complete(await featuresOf(what, listedImages(data, files)))
    const database = [await listed('original', originals)]
    if (distractors) database.push(await featuresOf('distractors', distractors))
    const queries = await listed(
      blocks.map(({ name }) => name).join(', '),
      blocks.flatMap(({ files }) => files),
    )
    const whiten = learned && whitener(await featuresOf('whitening', learned), uncentredCovariance, io)
    const all = whiten ? joined(database.map(whiten)) : joined(database)
    const scores: Record<string, number> = {}
    for (const [i, block] of blocks.entries()) {
      const before = blocks.slice(0, i).reduce((sum, { files }) => sum + files.length, 0)
      const own = rowsFrom(queries, before, block.files.length)
      scores[block.name] = copyDetection(whiten ? whiten(own) : own, all, block.truth, { top: TOP }).map
    }
    const result = {
      ...{ checkpoint: backbone.path, network, data, imageSize: size, originals: originals.length },
      ...{ distractors: options.distractors, database: all.rows, whitening: options.whitening, uncentredCovariance },
      map: scores,
    }
    const counts = new Map(blocks.map(({ name, files }) => [name, files.length]))
    const rows = Object.entries(scores).map(([name, map]) => [name, String(counts.get(name)), map.toFixed(2)])
    io.stdout.write(
      options.json ? `${JSON.stringify(result)}\n` : `${table(['alteration', 'copies', 'mAP %'], rows)}\n`,
    )
    await writeResult(backbone, 'copies', result, options)
    return 0
  } finally {
    await opened.session.close()
  }
}

function whitener(features: Features, uncentred: boolean, io: TrainIO): (features: Features) => Features {
  const { rows, dim } = features
  if (rows < 2) throw new Failure(`--whitening: at least 2 images are needed, and ${rows} could be read.`)
  if (rows <= dim) {
    io.stderr.write(`--whitening: ${rows} images for ${dim} features: most directions are unknown. Take more.\n`)
  }
  const whitening = learnWhitening(features, { centred: !uncentred })
  return (own) => applyWhitening(own, whitening)
}

function rowsFrom({ data, dim }: Features, first: number, rows: number): Features {
  return { data: data.subarray(first * dim, (first + rows) * dim), rows, dim }
}

function joined(parts: readonly Features[]): Features {
  const { dim } = parts[0]!
  const data = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0))
  let at = 0
  for (const part of parts) {
    data.set(part.data, at)
    at += part.data.length
  }
  return { data, rows: data.length / dim, dim }
}
