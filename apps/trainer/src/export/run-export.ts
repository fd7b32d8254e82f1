import { existsSync } from 'node:fs'
import { writeSafetensors } from '@dino/weights/node'
import type { ExportOptions } from '../commands/export.js'
import { loadBackbone } from '../inspect/backbone.js'
import { Failure, type TrainIO } from '../report/io.js'
import { writeHuggingFace } from './hugging-face.js'

/** `dino export`: a backbone for other tools. */
export async function runExport(options: ExportOptions, io: TrainIO): Promise<number> {
  const { checkpoint, network, format, output } = options
  const backbone = await loadBackbone(checkpoint, network)
  if (format === 'huggingface') await writeHuggingFace(backbone, output)
  else {
    if (existsSync(output)) throw new Failure(`--output: ${output} exists. Give another name; nothing was written.`, 2)
    await writeSafetensors(output, backbone.tensors, {
      format: 'pt',
      num_heads: String(backbone.config.numHeads),
    })
  }
  const { embedDim, depth, patchSize, imgSize } = backbone.config
  const tensors = Object.keys(backbone.tensors).length
  if (options.json) io.stdout.write(`${JSON.stringify({ output, format, tensors, config: backbone.config })}\n`)
  else {
    const what = `${embedDim} wide, ${depth} blocks, patch ${patchSize}, ${imgSize} pixels`
    io.stdout.write(`${output}: ${tensors} tensors of a vision transformer (${what})\n`)
  }
  return 0
}
