import { type Image, resizedCrop, thumbnail } from '@dino/augment'
import { type RevisitedScore, revisitedRetrieval } from '@dino/eval'
import { openSession } from '@dino/graph'
import type { RetrievalOptions } from '../../commands/eval-retrieval.js'
import { loadAnyBackbone } from '../../inspect/backbone.js'
import { clsEmbedder } from '../../inspect/embed.js'
import type { View } from '../../inspect/features.js'
import { engineProgress } from '../../report/engine-progress.js'
import type { TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { featureWidth, isVit } from '../../train/backbone.js'
import type { TrainImages } from '../../train/images.js'
import { prefixed } from '../../train/model.js'
import { cachedFeatures, cacheFolder } from '../feature-cache.js'
import { complete, listedImages } from '../listed-images.js'
import { writeResult } from '../result.js'
import { sizedEmbedder } from '../sized-embedder.js'
import { multiScaleEmbedder, SCALES } from './multi-scale.js'
import { type Corners, openRevisited } from './revisited-data.js'

/** The k of the precisions that are published. */
const AT = [1, 5, 10]

/** `dino eval retrieval`: revisited Oxford or Paris. */
export async function runRetrieval(options: RetrievalOptions, io: TrainIO): Promise<number> {
  const { dataset, multiscale, wholeQueries, network, data } = options
  const { images: root, database, queries } = await openRevisited(data, dataset)
  const backbone = await loadAnyBackbone(options.checkpoint, network)
  const { config, background } = backbone
  const size = options.imageSize ?? backbone.imageSize
  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const least = Math.ceil((isVit(config) ? config.patchSize : 1) / (multiscale ? SCALES.at(-1)! : 1))
    const shared = { session, config, prefix: 'backbone.', normalization: backbone.normalization }
    const sized = sizedEmbedder(multiscale ? multiScaleEmbedder : clsEmbedder, shared, { least, batch: () => 1 })
    const embed = Object.assign(sized, { width: featureWidth(config) }) // one by one, as the reference: hardly two are of one size
    const folder = cacheFolder(backbone, options.cacheDir)
    const layers = multiscale ? 'cls at 3 scales' : 'cls'
    const featuresOf = async (what: string, images: TrainImages, view: View) => {
      const indices = [...Array(images.count).keys()]
      const common = { backbone, layers, what, folder, embed, size, view, background, indices }
      return complete(await cachedFeatures(images, common, io))
    }
    const files = (names: readonly string[]) => names.map((name) => `${name}.jpg`)
    const boxes = queries.map(({ bbx }) => bbx)
    const queryImages = listedImages(root, files(queries.map(({ name }) => name)), wholeQueries ? undefined : boxes)
    const queryFeatures = await featuresOf('queries', queryImages, wholeQueries ? wholeView : boxView(boxes))
    const databaseFeatures = await featuresOf('database', listedImages(root, files(database)), wholeView)
    const scores = revisitedRetrieval(queryFeatures, databaseFeatures, queries, { at: AT })
    const result = {
      ...{ checkpoint: backbone.path, network, data, dataset, imageSize: size, multiscale, wholeQueries },
      ...{ queries: queries.length, database: database.length },
      ...Object.fromEntries(
        Object.entries(scores).map(([level, { map, precisionAt }]) => [level, { map, precisionAt }]),
      ),
    }
    io.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${scoreTable(scores)}\n`)
    await writeResult(backbone, `retrieval-${dataset}`, result, options)
    return 0
  } finally {
    await session.close()
  }
}

/** The whole image, its longer side of `size` pixels. */
const wholeView: View = { name: 'thumbnail', of: thumbnail }

/** The box of each query, then as above. */
function boxView(boxes: readonly Corners[]): View {
  return { name: 'thumbnail of a box', of: (image, size, index) => thumbnail(cut(image, boxes[index]!), size) }
}

/** The part of an image between corners, which are rounded, and kept inside of the image. */
function cut(image: Image, [left, top, right, bottom]: Corners): Image {
  const inside = (place: number, most: number) => Math.min(Math.max(Math.round(place), 0), most)
  const [x, y] = [inside(left, image.width - 1), inside(top, image.height - 1)]
  const width = Math.max(1, inside(right, image.width) - x)
  const height = Math.max(1, inside(bottom, image.height) - y)
  return resizedCrop(image, { top: y, left: x, height, width, size: [height, width] }) // the same size: cut, no more
}

function scoreTable(scores: Record<string, RevisitedScore>): string {
  const percent = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(2))
  const rows = Object.entries(scores).map(([level, { map, precisionAt }]) => {
    return [level, ...[map, ...AT.map((k) => precisionAt[k]!)].map(percent)]
  })
  return table(['', 'mAP %', ...AT.map((k) => `mP@${k} %`)], rows)
}
