import { existsSync } from 'node:fs'
import { writeSafetensors } from '@dino/weights/node'
import type { AnyBackbone } from '../inspect/backbone.js'
import { Failure } from '../report/io.js'
import { isVit } from '../train/backbone.js'

/** Writes one file of tensors under the official names. */
export async function writePlain(backbone: AnyBackbone, file: string): Promise<void> {
  if (existsSync(file)) throw new Failure(`--output: ${file} exists. Give another name; nothing was written.`, 2)
  await writeTensors(backbone, file)
}

/** The same, with what the tensors do not tell as metadata: it is read again by `loadAnyBackbone`. */
export async function writeTensors({ config, imageSize, tensors }: AnyBackbone, file: string): Promise<void> {
  const untold: Record<string, string> = isVit(config)
    ? { num_heads: String(config.numHeads) }
    : { image_size: String(imageSize) }
  await writeSafetensors(file, tensors, { format: 'pt', ...untold })
}
