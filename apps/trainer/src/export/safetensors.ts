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
export async function writeTensors(
  { config, imageSize, normalization, tensors }: AnyBackbone,
  file: string,
  rename: (tensors: AnyBackbone['tensors']) => AnyBackbone['tensors'] = (same) => same,
): Promise<void> {
  const { mean, std } = normalization
  await writeSafetensors(file, rename(tensors), {
    format: 'pt', // for transformers, which refuses a file without
    image_mean: JSON.stringify(mean),
    image_std: JSON.stringify(std),
    ...(isVit(config) ? { num_heads: String(config.numHeads) } : { image_size: String(imageSize) }),
  })
}
