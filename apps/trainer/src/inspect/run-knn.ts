import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import type { KnnOptions } from '../commands/eval-knn.js'
import { counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import { imagesOf, type TrainImages } from '../train/images.js'
import { loadBackbone } from './backbone.js'
import { extractFeatures, openFeatures } from './features.js'
import { scoreKnn } from './knn.js'

/** `dino eval knn`: features of train/ vote on val/, with no training in between. */
export async function runKnn(options: KnnOptions, io: TrainIO): Promise<number> {
  const [train, test] = await splits(options.data, io)
  const { labels: testLabels, classes } = relabel(test, train)
  const backbone = await loadBackbone(options.checkpoint, options.network)
  const size = options.imageSize ?? backbone.config.imgSize
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, io })
  try {
    const featuresOf = async (name: string, images: TrainImages) => {
      const count = counter(io, `${name}: images`)
      const features = await extractFeatures(images, {
        embed,
        size,
        background: backbone.background,
        indices: labelled(images),
        signal: io.signal,
        onProgress: count.update,
      })
      count.stop()
      for (const [file, reason] of features.setAside) io.stderr.write(`Left out, not readable: ${file}: ${reason}\n`)
      return features
    }
    const trainFeatures = await featuresOf('train', train)
    const testFeatures = await featuresOf('val', test)
    const scores = scoreKnn(trainFeatures, train.labels!, testFeatures, testLabels, {
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
      val: testFeatures.rows,
      knn: scores,
    }
    if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
    else {
      const rows = Object.entries(scores).map(([k, { top1, top5 }]) => [k, top1.toFixed(2), top5.toFixed(2)])
      io.stdout.write(`${table(['k', 'top-1 %', 'top-5 %'], rows)}\n`)
    }
    // Beside the run that it measures; not beside somebody's weights.
    if (backbone.run)
      await writeFileAtomic(join(dirname(backbone.path), 'knn.json'), `${JSON.stringify(result, null, 2)}\n`)
    return 0
  } finally {
    await session.close()
  }
}

/** Both halves: the folders train/ and val/, or what `{split}` becomes with these words, such as `{split}.tar`. */
async function splits(data: string, io: TrainIO): Promise<[TrainImages, TrainImages]> {
  const named = data.includes('{split}')
  const sources = ['train', 'val'].map((part) => (named ? data.replaceAll('{split}', part) : join(data, part)))
  const missing = named ? [] : sources.filter((folder) => !existsSync(folder))
  if (missing.length > 0) {
    throw new Failure(
      `--data ${data}: ${missing.join(' and ')} missing. k-NN needs train/ and val/, one sub-folder per class in each, ` +
        'or two sources whose names differ in these words: --data "photos-{split}.zip".',
      2,
    )
  }
  const [train, test] = [await imagesOf(sources[0]!, io), await imagesOf(sources[1]!, io)]
  for (const [i, images] of [train, test].entries()) {
    if (!images.labels) throw new Failure(`${sources[i]} has no classes: k-NN needs one sub-folder per class.`, 2)
  }
  return [train, test]
}

/** Images with a class: one that lies beside the class folders has none. */
function labelled({ labels }: TrainImages): number[] {
  return [...labels!.keys()].filter((index) => labels![index]! >= 0)
}

/** The labels of `images` in the numbers of `reference`; a class that it lacks gets a number that nothing votes for. */
function relabel(images: TrainImages, reference: TrainImages): { labels: Int32Array; classes: number } {
  const names = [...new Set([...reference.classes, ...images.classes])]
  const numbers = images.classes.map((name) => names.indexOf(name))
  return { labels: images.labels!.map((label) => (label < 0 ? -1 : numbers[label]!)), classes: names.length }
}
