import { writeSafetensors } from '@dino/weights/node'
import type { ExtractOptions } from '../commands/extract.js'
import { counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'
import { imagesOf } from '../train/images.js'
import { loadBackbone } from './backbone.js'
import { extractFeatures, openFeatures } from './features.js'

/** `dino extract`: one row of features an image, with the files in the order of the rows as metadata. */
export async function runExtract(options: ExtractOptions, io: TrainIO): Promise<number> {
  const images = await imagesOf(options.data, io)
  const backbone = await loadBackbone(options.checkpoint, options.network)
  const size = options.imageSize ?? backbone.config.imgSize
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, io })
  try {
    const count = counter(io, 'images')
    const { data, rows, dim, indices, setAside } = await extractFeatures(images, {
      embed,
      size,
      background: backbone.background,
      indices: [...Array(images.count).keys()],
      signal: io.signal,
      onProgress: count.update,
    })
    count.stop()
    for (const [file, reason] of setAside) io.stderr.write(`Left out, not readable: ${file}: ${reason}\n`)
    if (rows === 0) throw new Failure(`None of the ${images.count} images in ${options.data} can be read.`)
    const files = Array.from(indices, (index) => images.name(index))
    const labels = images.labels && indices.map((index) => images.labels![index]!)
    await writeSafetensors(
      options.output,
      {
        features: { dtype: 'float32', shape: [rows, dim], data },
        ...(labels && { labels: { dtype: 'int32', shape: [rows], data: labels } }),
      },
      {
        files: JSON.stringify(files),
        classes: JSON.stringify(images.classes),
        checkpoint: backbone.path,
        network: options.network,
      },
    )
    const result = { output: options.output, rows, dim, leftOut: setAside.size }
    if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
    else
      io.stdout.write(
        `${options.output}: ${rows} rows of ${dim} features${setAside.size > 0 ? `, ${setAside.size} images left out` : ''}\n`,
      )
    return 0
  } finally {
    await session.close()
  }
}
