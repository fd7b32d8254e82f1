import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import type { ExportOutput } from '../commands/export.js'
import type { AnyBackbone } from '../inspect/backbone.js'
import { Failure } from '../report/io.js'
import { isVit } from '../train/backbone.js'
import { graphModel } from './graph-model.js'
import type { Network } from './network.js'
import { writeNewFolder } from './new-folder.js'
import { onnxModel } from './onnx.js'
import { lengthOf } from './protobuf.js'
import { resnetNetwork } from './resnet-network.js'
import { vitNetwork } from './vit-network.js'

/** What a program computes: of a ResNet, its features. */
export interface ProgramOptions {
  /** Side of the images, in pixels. Default: that of the training. */
  imageSize?: number
  /** Default: `cls` */
  outputs?: ExportOutput[]
}

/** The backbone as a program, before it has a format. */
export function programOf(backbone: AnyBackbone, { imageSize, outputs }: ProgramOptions): Network {
  const { config, tensors, path } = backbone
  const side = imageSize ?? backbone.imageSize
  const size = { height: side, width: side }
  if (!isVit(config)) {
    if (outputs) throw new Failure(`--outputs: ${path} holds a ResNet, whose only output is features. Leave it out.`, 2)
    return resnetNetwork(tensors, size)
  }
  if (side < config.patchSize)
    throw new Failure(`--image-size: expected at least one patch, ${config.patchSize} pixels, got ${side}.`, 2)
  return vitNetwork(config, tensors, { ...size, outputs: [...new Set(outputs ?? ['cls' as const])] })
}

const MOST_BYTES = 2 ** 31 - 1 // of one protocol buffer

/** Writes one ONNX file. */
export async function writeOnnx(backbone: AnyBackbone, program: Network, file: string): Promise<void> {
  if (existsSync(file)) throw new Failure(`--output: ${file} exists. Give another name; nothing was written.`, 2)
  const pieces = onnxModel(program, metadata(backbone, program))
  if (lengthOf(pieces) > MOST_BYTES)
    throw new Failure(`${backbone.path}: its weights do not fit in one ONNX file, which holds up to 2 GiB.`)
  await writeFileAtomic(file, pieces)
}

/** Writes a folder that `tf.loadGraphModel` loads. */
export async function writeGraphModel(backbone: AnyBackbone, program: Network, folder: string): Promise<void> {
  const files = graphModel(program, metadata(backbone, program))
  await writeNewFolder(folder, async (made) => {
    for (const [name, contents] of Object.entries(files)) await writeFileAtomic(join(made, name), contents)
  })
}

/** What whoever runs a program has to know: how images are made, and how patches lie. */
function metadata({ config, normalization }: AnyBackbone, { input }: Network): Record<string, string> {
  return {
    image_size: String(input.shape[2]),
    image_mean: JSON.stringify(normalization.mean),
    image_std: JSON.stringify(normalization.std),
    ...(isVit(config) && { patch_size: String(config.patchSize), num_heads: String(config.numHeads) }),
  }
}
