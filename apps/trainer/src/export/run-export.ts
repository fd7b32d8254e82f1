import type { ExportOptions } from '../commands/export.js'
import { type AnyBackbone, asVit, loadAnyBackbone } from '../inspect/backbone.js'
import { Failure, type TrainIO } from '../report/io.js'
import { isVit } from '../train/backbone.js'
import { writeHuggingFace } from './hugging-face.js'
import type { Network } from './network.js'
import { writePlain } from './safetensors.js'
import { writeTimm } from './timm.js'
import { programOf, writeGraphModel, writeOnnx } from './write-program.js'

/** `dino export`: a backbone for other tools. */
export async function runExport(options: ExportOptions, io: TrainIO): Promise<number> {
  const { checkpoint, network, format, output, outputs, imageSize, json } = options
  const holdsProgram = format === 'onnx' || format === 'tfjs'
  const misplaced = outputs ? '--outputs' : imageSize !== undefined ? '--image-size' : undefined
  if (!holdsProgram && misplaced)
    throw new Failure(`${misplaced} is for --format onnx and tfjs: ${format} holds weights, and no program.`, 2)
  const backbone = await loadAnyBackbone(checkpoint, network)
  const program = holdsProgram ? programOf(backbone, { imageSize, outputs }) : undefined
  if (program) await (format === 'onnx' ? writeOnnx : writeGraphModel)(backbone, program, output)
  else if (format === 'huggingface') await writeHuggingFace(asVit(backbone), output)
  else if (format === 'timm') await writeTimm(backbone, output)
  else await writePlain(backbone, output)
  const tensors = Object.keys(backbone.tensors).length
  const signature = program && signatureOf(program, format)
  if (json) io.stdout.write(`${JSON.stringify({ output, format, tensors, config: backbone.config, ...signature })}\n`)
  else {
    io.stdout.write(`${output}: ${tensors} tensors of ${described(backbone)}\n`)
    if (signature) io.stdout.write(`${explained(signature, backbone)}\n`)
  }
  return 0
}

function described({ config, imageSize }: AnyBackbone): string {
  if (!isVit(config)) return `a ResNet (${config.layers.join(', ')} ${config.block} blocks, ${imageSize} pixels)`
  const { embedDim, depth, patchSize } = config
  return `a vision transformer (${embedDim} wide, ${depth} blocks, patch ${patchSize}, ${imageSize} pixels)`
}

/** Shapes of what a program takes and gives, as the format lays images out. */
function signatureOf({ input, outputs }: Network, format: ExportOptions['format']) {
  const [, channels, height, width] = input.shape as [number, number, number, number]
  const images = format === 'onnx' ? [channels, height, width] : [height, width, channels]
  const shapes = outputs.map(({ name, shape }) => [name, ['batch', ...shape.slice(1)]] as const)
  return { inputs: { images: ['batch', ...images] }, outputs: Object.fromEntries(shapes) }
}

function explained({ inputs, outputs }: ReturnType<typeof signatureOf>, { normalization }: AnyBackbone): string {
  const { mean, std } = normalization
  const given = Object.entries(outputs).map(([name, shape]) => `${name} [${shape.join(', ')}]`)
  return [
    `Input: images [${inputs.images.join(', ')}], float32: (RGB / 255 - [${mean.join(', ')}]) / [${std.join(', ')}]`,
    `Output: ${given.join('; ')}`,
  ].join('\n')
}
