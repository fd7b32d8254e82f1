import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { ResnetConfig } from '@dino/resnet'
import type { VitConfig } from '@dino/vit'
import { type FoundBackbone, findBackbones, loadReport, PickleError, SafetensorsError, toFloat32 } from '@dino/weights'
import { readWeights, type WeightsFile } from '@dino/weights/node'
import { defaults } from '../config/defaults.js'
import { Failure } from '../report/io.js'
import { type BackboneConfig, isVit, tensorShapes } from '../train/backbone.js'
import { checkpointPath, type Progress } from '../train/checkpoint.js'
import type { HostTensor } from '../train/host-tensor.js'
import { withoutPrefix } from '../train/model.js'
import { setupOf } from '../train/setup.js'
import type { Normalization } from './embed.js'

/** A trained backbone, ready to be given to a session. */
export interface Backbone<C extends BackboneConfig = VitConfig> {
  /** The file that it came from. */
  path: string
  config: C
  /** Pixels of the images that it was trained for. */
  imageSize: number
  /** Official names (`blocks.0.attn.qkv.weight`), or torchvision's (`layer1.0.conv1.weight`). */
  tensors: Record<string, HostTensor>
  normalization: Normalization
  /** Whether it is a checkpoint of a run, rather than weights alone. */
  run: boolean
  /** Colour put under transparent pixels. */
  background: readonly [number, number, number]
}

/** For what needs features only, and not the tokens of a vision transformer. */
export type AnyBackbone = Backbone<BackboneConfig>

export type BackboneKey = 'teacher' | 'student'

/**
 * A vision transformer of a file, as {@link loadAnyBackbone} reads it: for what looks at tokens or attention.
 *
 * @throws Failure if it is a ResNet
 */
export async function loadBackbone(path: string, key?: BackboneKey): Promise<Backbone> {
  return asVit(await loadAnyBackbone(path, key))
}

/** @throws Failure if it is a ResNet */
export function asVit(backbone: AnyBackbone): Backbone {
  const { config } = backbone
  if (isVit(config)) return { ...backbone, config }
  throw new Failure(
    `${backbone.path} holds a ResNet, which has neither patches nor attention: this needs a vision transformer. ` +
      'A ResNet is for what needs features only: dino eval knn, linear, finetune and retrieval, dino extract, dino search.',
    2,
  )
}

/**
 * Reads a backbone from a run folder, a checkpoint of `dino train` or of the reference, or weights alone: safetensors or PyTorch,
 * under the official names, timm's, Hugging Face's or torchvision's. Whatever does not fit is an error: nothing loads by half.
 *
 * @param key which of the two networks of a checkpoint; the paper evaluates the teacher. Default: the teacher, or the only one
 */
export async function loadAnyBackbone(path: string, key?: BackboneKey): Promise<AnyBackbone> {
  const file = fileOf(path)
  return backboneIn(file, await readWeights(file).catch(refuseWeights), key)
}

/** The backbone that is meant among what a file holds; see {@link loadAnyBackbone}. */
export function backboneIn(file: string, { tensors: all, metadata }: WeightsFile, key?: BackboneKey): AnyBackbone {
  if (metadata.progress) {
    const { config } = JSON.parse(metadata.progress) as Progress
    const tensors = withoutPrefix(`${key ?? 'teacher'}.backbone.`, all)
    const { backbone } = setupOf(config)
    check(file, backbone, tensors)
    const imageSize = isVit(backbone) ? backbone.imgSize : config.globalCropsSize
    const { background } = config
    return { path: file, run: true, config: backbone, imageSize, tensors, normalization: config, background }
  }
  const found = choose(file, findBackbones(all), all, key)
  // What counts batches is no weight, and changes nothing.
  const weights = Object.entries(found.tensors).filter(([name]) => !name.endsWith('.num_batches_tracked'))
  const tensors = Object.fromEntries(weights.map(([name, tensor]) => [name, toFloat32(tensor)]))
  const config =
    found.naming === 'torchvision' ? resnetConfig(tensors) : vitConfig(file, tensors, headsOf(file, metadata))
  check(file, config, tensors)
  const imageSize = isVit(config) ? config.imgSize : Number(metadata.image_size ?? defaults.globalCropsSize)
  const { background } = defaults
  return {
    path: file,
    run: false,
    config,
    imageSize,
    tensors,
    normalization: normalizationOf(file, metadata),
    background,
  }
}

/** That of the training, which `dino export` leaves in the metadata; ImageNet's unless it is said. */
function normalizationOf(file: string, { image_mean, image_std }: Record<string, string>): Normalization {
  if (image_mean === undefined || image_std === undefined) return defaults
  try {
    const [mean, std] = [JSON.parse(image_mean), JSON.parse(image_std)] as [unknown, unknown]
    if (isThree(mean) && isThree(std)) return { mean, std }
  } catch {} // told below
  throw new Failure(
    `${file}: expected image_mean and image_std of its metadata as three numbers, got ${image_mean} and ${image_std}.`,
  )
}

function isThree(value: unknown): value is number[] {
  return Array.isArray(value) && value.length === 3 && value.every((each) => Number.isFinite(each))
}

/** The one backbone that is meant. */
function choose(
  file: string,
  found: FoundBackbone[],
  all: Record<string, unknown>,
  key: BackboneKey | undefined,
): FoundBackbone {
  if (found.length === 0) {
    throw new Failure(
      `${file} holds no backbone that is known here: neither cls_token nor a ResNet's layer1 is among its ` +
        `${Object.keys(all).length} tensors: ${Object.keys(all).slice(0, 3).join(', ') || 'none'} …. dino weights inspect lists them.`,
    )
  }
  const wanted = found.filter(({ prefix }) => prefix.split('.').includes(key ?? 'teacher'))
  if (wanted.length === 1) return wanted[0]!
  if (found.length === 1 && key !== 'student') return found[0]!
  if (found.length === 1) throw new Failure(`--network student: ${file} holds one network only. Leave the flag out.`, 2)
  const prefixes = found.map(({ prefix }) => prefix || '(no prefix)').join(', ')
  throw new Failure(`${file} holds several backbones (${prefixes}), and none of them is the ${key ?? 'teacher'}'s.`)
}

/** A file that is no file of weights is the user's mistake. */
export function refuseWeights(error: unknown): never {
  throw error instanceof SafetensorsError || error instanceof PickleError ? new Failure(error.message) : error
}

/** The file that a run folder, a Hugging Face folder or a file means. */
export function fileOf(path: string): string {
  if (!existsSync(path)) throw new Failure(`${path}: no such file or run folder.`, 2)
  if (!statSync(path).isDirectory()) return path
  const file = checkpointPath(path)
  if (existsSync(file)) return file
  const huggingFace = join(path, 'model.safetensors')
  if (existsSync(huggingFace)) return huggingFace
  throw new Failure(`${path} holds no checkpoint (${file} is missing): has its run saved one yet?`)
}

/** Attention heads, which no tensor tells: from the metadata that `dino export` writes, or the config.json beside the file of Hugging Face or timm. */
export function headsOf(file: string, metadata: Record<string, string>): number | undefined {
  if (metadata.num_heads !== undefined) return Number(metadata.num_heads)
  const config = join(dirname(file), 'config.json')
  if (basename(file) !== 'model.safetensors' || !existsSync(config)) return undefined
  try {
    const said = JSON.parse(readFileSync(config, 'utf8')) as TheirConfig
    return said.num_attention_heads ?? said.model_args?.num_heads
  } catch (error) {
    throw new Failure(`${config}: expected JSON, as Hugging Face and timm write it: ${(error as Error).message}.`)
  }
}

interface TheirConfig {
  /** Hugging Face's. */
  num_attention_heads?: number
  /** timm's, where they are not those of the architecture. */
  model_args?: { num_heads?: number }
}

/** The configuration that a plain state dict implies; unless it is said, heads are 64 wide, as in every official model. */
function vitConfig(file: string, tensors: Record<string, HostTensor>, heads: number | undefined): VitConfig {
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
    numHeads: heads ?? Math.max(1, Math.round(embedDim / 64)),
    channels: patches[1]!,
  }
}

/** The sizes that a state dict of torchvision implies. */
function resnetConfig(tensors: Record<string, HostTensor>): ResnetConfig {
  const stages = [1, 2, 3, 4].map((stage) => {
    const first = new RegExp(`^layer${stage}\\.\\d+\\.conv1\\.weight$`)
    const blocks = Object.entries(tensors).filter(([name]) => first.test(name))
    return { blocks: Math.max(1, blocks.length), planes: blocks[0]?.[1].shape[0] ?? 1 }
  })
  const each = (key: 'blocks' | 'planes') => stages.map((stage) => stage[key]) as [number, number, number, number]
  return {
    block: tensors['layer1.0.conv3.weight'] ? 'bottleneck' : 'basic',
    layers: each('blocks'),
    planes: each('planes'),
    channels: tensors['conv1.weight']?.shape[1] ?? 3,
  }
}

function check(file: string, config: BackboneConfig, tensors: Record<string, HostTensor>): void {
  const shapes = tensorShapes(config)
  const { missing, mismatched, unexpected } = loadReport(tensors, shapes)
  if (missing.length > 0)
    throw new Failure(`${file}: ${missing[0]} is missing; it needs shape [${shapes[missing[0]!]}].${more(missing)}`)
  if (mismatched.length > 0) {
    const { name, found, needed } = mismatched[0]!
    throw new Failure(
      `${file}: ${name} has shape [${found}], the model needs [${needed}]. Is it of another architecture?${more(mismatched)}`,
    )
  }
  if (unexpected.length > 0)
    throw new Failure(`${file}: ${unexpected[0]} has no place in the model: it is of another kind.${more(unexpected)}`)
}

function more({ length }: readonly unknown[]): string {
  return length > 1 ? ` (${length} of them.)` : ''
}
