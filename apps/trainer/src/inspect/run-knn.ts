import type { KnnOptions } from '../commands/eval-knn.js'
import { cachedFeatures, cacheFolder } from '../evaluate/feature-cache.js'
import { writeResult } from '../evaluate/result.js'
import { labelled, openSplits } from '../evaluate/splits.js'
import type { TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import type { TrainImages } from '../train/images.js'
import { loadAnyBackbone } from './backbone.js'
import { openFeatures } from './features.js'
import { scoreKnn } from './knn.js'

/** `dino eval knn`: features of train/ vote on val/, with no training in between. */
export async function runKnn(options: KnnOptions, io: TrainIO): Promise<number> {
  const { train, val, valLabels, classes } = await openSplits('k-NN', options.data, io)
  const backbone = await loadAnyBackbone(options.checkpoint, options.network)
  const size = options.imageSize ?? backbone.imageSize
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, io })
  try {
    const featuresOf = (what: string, images: TrainImages) =>
      cachedFeatures(
        images,
        {
          backbone,
          layers: 'cls',
          what,
          folder: cacheFolder(backbone, options.cacheDir),
          embed,
          size,
          background: backbone.background,
          indices: labelled(images),
        },
        io,
      )
    const trainFeatures = await featuresOf('train', train)
    const valFeatures = await featuresOf('val', val)
    const scores = scoreKnn(trainFeatures, train.labels!, valFeatures, valLabels, {
      k: options.k,
      temperature: options.temperature,
      classes,
    })
    const result = {
      checkpoint: backbone.path,
      network: options.network,
      data: options.data,
      imageSize: size,
      temperature: options.temperature,
      train: trainFeatures.rows,
      val: valFeatures.rows,
      knn: scores,
    }
    if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
    else {
      const rows = Object.entries(scores).map(([k, { top1, top5 }]) => [k, top1.toFixed(2), top5.toFixed(2)])
      io.stdout.write(`${table(['k', 'top-1 %', 'top-5 %'], rows)}\n`)
    }
    await writeResult(backbone, 'knn', result, options)
    return 0
  } finally {
    await session.close()
  }
}
