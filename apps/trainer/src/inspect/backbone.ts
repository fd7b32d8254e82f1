import { existsSync, statSync } from 'node:fs'
import * as vit from '@dino/vit'
import { SafetensorsError } from '@dino/weights'
import { readSafetensors } from '@dino/weights/node'
import { defaults } from '../config/defaults.js'
import { Failure } from '../report/io.js'
import { checkpointPath, type Progress } from '../train/checkpoint.js'
import type { HostTensor } from '../train/host-tensor.js'
import { withoutPrefix } from '../train/model.js'
import { setupOf } from '../train/setup.js'
import type { Normalization } from './embed.js'

/** A trained backbone, ready to be given to a session. */
export interface Backbone {
  /** The file that it came from. */
  path: string
  config: vit.VitConfig
  /** Official names (`blocks.0.attn.qkv.weight`). */
  tensors: Record<string, HostTensor>
  normalization: Normalization
  /** Whether it is a checkpoint of a run, rather than weights alone. */
  run: boolean
  /** Colour put under transparent pixels. */
  background: readonly [number, number, number]
}

export type BackboneKey = 'teacher' | 'student'

/**
 * Reads a backbone from a run folder, a checkpoint of `dino train`, or a safetensors file with the official names.
 *
 * @param key which of the two networks of a checkpoint; the paper evaluates the teacher
 */
export async function loadBackbone(path: string, key: BackboneKey = 'teacher'): Promise<Backbone> {
  const file = fileOf(path)
  const { tensors: all, metadata } = await readSafetensors(file).catch((error: unknown) => {
    throw error instanceof SafetensorsError ? new Failure(error.message) : error
  })
  if (metadata.progress) {
    const { config } = JSON.parse(metadata.progress) as Progress
    const tensors = withoutPrefix(`${key}.backbone.`, all)
    const backbone = setupOf(config).vit
    check(file, backbone, tensors)
    return { path: file, run: true, config: backbone, tensors, normalization: config, background: config.background }
  }
  if (key === 'student') {
    throw new Failure(`--network student: ${file} holds one network only. Leave the flag out.`, 2)
  }
  const tensors = 'cls_token' in all ? all : withoutPrefix('backbone.', all)
  const config = configOf(file, tensors)
  check(file, config, tensors)
  return { path: file, run: false, config, tensors, normalization: defaults, background: defaults.background }
}

function fileOf(path: string): string {
  if (!existsSync(path)) throw new Failure(`${path}: no such file or run folder.`, 2)
  if (!statSync(path).isDirectory()) return path
  const file = checkpointPath(path)
  if (!existsSync(file))
    throw new Failure(`${path} holds no checkpoint (${file} is missing): has its run saved one yet?`)
  return file
}

/** The configuration that a plain state dict implies; heads are 64 wide in every official model. */
function configOf(file: string, tensors: Record<string, HostTensor>): vit.VitConfig {
  const token = tensors.cls_token?.shape
  const patches = tensors['patch_embed.proj.weight']?.shape
  const positions = tensors.pos_embed?.shape
  if (token?.length !== 3 || patches?.length !== 4 || positions?.length !== 3) {
    throw new Failure(
      `${file} holds no vision transformer: cls_token, pos_embed and patch_embed.proj.weight are needed, it has ` +
        `${Object.keys(tensors).slice(0, 3).join(', ') || 'nothing'} ….`,
    )
  }
  const embedDim = token[2]!
  const patchSize = patches[2]!
  const depth = Object.keys(tensors).filter((name) => /^blocks\.\d+\.norm1\.weight$/.test(name)).length
  return {
    imgSize: Math.round(Math.sqrt(positions[1]! - 1)) * patchSize,
    patchSize,
    embedDim,
    depth,
    numHeads: Math.max(1, Math.round(embedDim / 64)),
    channels: patches[1]!,
  }
}

function check(file: string, config: vit.VitConfig, tensors: Record<string, HostTensor>): void {
  for (const [name, shape] of Object.entries(vit.shapes(config))) {
    const found = tensors[name]
    if (!found) throw new Failure(`${file}: ${name} is missing; it needs shape [${shape}].`)
    if (String(found.shape) !== String(shape)) {
      throw new Failure(
        `${file}: ${name} has shape [${found.shape}], the model needs [${shape}]. Is it of another architecture?`,
      )
    }
  }
}
