import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { resize } from '@dino/augment'
import { decode } from '@dino/augment/node'
import { massMask } from '@dino/eval'
import { openSession } from '@dino/graph'
import { gridSize } from '@dino/vit'
import { writeFileAtomic } from '@dino/weights/node'
import type { AttentionOptions } from '../commands/attention.js'
import { engineProgress } from '../report/engine-progress.js'
import type { TrainIO } from '../report/io.js'
import { prefixed } from '../train/model.js'
import { meanOverHeads } from './attention-scores.js'
import { loadBackbone } from './backbone.js'
import { attentionEmbedder } from './embed.js'
import { cutToGrid, encodePng, heatMap, masked, overlay } from './images.js'
import { sizeToLookAt } from './size-to-look-at.js'

/** `dino attention`: pictures of the last block's attention from [CLS], one head each and their mean. */
export async function runAttention(options: AttentionOptions, io: TrainIO): Promise<number> {
  const { image: path, checkpoint, network, outputDir, threshold } = options
  const backbone = await loadBackbone(checkpoint, network)
  const { patchSize, numHeads } = backbone.config
  const decoded = await decode(path, { background: backbone.background })
  const size = sizeToLookAt(decoded, options.imageSize ?? [], patchSize, io)
  const sized = size.width === decoded.width && size.height === decoded.height ? decoded : resize(decoded, size)
  const [rows, columns] = gridSize(backbone.config, sized.height, sized.width)
  const grid = { rows, columns, patchSize }
  const image = cutToGrid(sized, grid)

  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  let maps: Float32Array
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const attention = await attentionEmbedder({
      session,
      config: backbone.config,
      prefix: 'backbone.',
      batch: 1,
      height: image.height,
      width: image.width,
      normalization: backbone.normalization,
    })
    maps = await attention(image.data)
  } finally {
    await session.close()
  }

  await mkdir(outputDir, { recursive: true })
  const patches = rows * columns
  const named: [string, Float32Array][] = [['mean', meanOverHeads(maps, numHeads)]]
  for (let head = 0; head < numHeads; head++) {
    named.push([`head${head}`, maps.subarray(head * patches, (head + 1) * patches)])
  }
  const files: string[] = []
  for (const [name, map] of named) {
    const pictures = {
      [`attn-${name}.png`]: heatMap(map, grid),
      [`overlay-${name}.png`]: overlay(image, map, grid),
      [`mask_th${threshold}_${name}.png`]: masked(image, massMask(map, threshold), grid),
    }
    for (const [file, picture] of Object.entries(pictures)) {
      const target = join(outputDir, file)
      await writeFileAtomic(target, await encodePng(picture))
      files.push(target)
    }
  }
  if (options.json) {
    io.stdout.write(
      `${JSON.stringify({ image: path, checkpoint: backbone.path, network, rows, columns, heads: numHeads, threshold, files })}\n`,
    )
  } else {
    io.stdout.write(
      `${files.length} pictures in ${outputDir}: ${numHeads} heads and their mean, ${rows}x${columns} patches.\n`,
    )
  }
  return 0
}
