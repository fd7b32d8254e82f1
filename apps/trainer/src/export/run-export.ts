import { existsSync } from 'node:fs'
import { writeSafetensors } from '@dino/weights/node'
import type { ExportOptions } from '../commands/export.js'
import { type AnyBackbone, asVit, loadAnyBackbone } from '../inspect/backbone.js'
import { Failure, type TrainIO } from '../report/io.js'
import { isVit } from '../train/backbone.js'
import { writeHuggingFace } from './hugging-face.js'

/** `dino export`: a backbone for other tools. */
export async function runExport(options: ExportOptions, io: TrainIO): Promise<number> {
  const { checkpoint, network, format, output } = options
  const backbone = await loadAnyBackbone(checkpoint, network)
  if (format === 'huggingface') await writeHuggingFace(asVit(backbone), output)
  else {
    if (existsSync(output)) throw new Failure(`--output: ${output} exists. Give another name; nothing was written.`, 2)
    await writeSafetensors(output, backbone.tensors, { format: 'pt', ...untold(backbone) })
  }
  const tensors = Object.keys(backbone.tensors).length
  if (options.json) io.stdout.write(`${JSON.stringify({ output, format, tensors, config: backbone.config })}\n`)
  else io.stdout.write(`${output}: ${tensors} tensors of ${described(backbone)}\n`)
  return 0
}

/** What the tensors do not tell, as metadata. */
function untold({ config, imageSize }: AnyBackbone): Record<string, string> {
  return isVit(config) ? { num_heads: String(config.numHeads) } : { image_size: String(imageSize) }
}

function described({ config, imageSize }: AnyBackbone): string {
  if (!isVit(config)) return `a ResNet (${config.layers.join(', ')} ${config.block} blocks, ${imageSize} pixels)`
  const { embedDim, depth, patchSize } = config
  return `a vision transformer (${embedDim} wide, ${depth} blocks, patch ${patchSize}, ${imageSize} pixels)`
}
