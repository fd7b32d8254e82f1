import { architectures as resnets } from '@dino/resnet/defaults'
import * as vit from '@dino/vit'
import { architectures as vits } from '@dino/vit/defaults'
import { loadReport, toFloat32 } from '@dino/weights'
import * as tf from '@tensorflow/tfjs-core'
import './host-backend.js'
import { kebab } from '../config/fields.js'
import type { TrainConfig } from '../config/schema.js'
import { Failure } from '../report/io.js'
import { type BackboneConfig, isVit } from './backbone.js'
import type { HostTensor } from './host-tensor.js'
import { setupOf } from './setup.js'

/** What became of the tensors of a file, by the names of a run's variables. */
export interface InitReport {
  matched: string[]
  /** Position embeddings of another grid. */
  resized: string[]
  /** Not in the file: as in a run from nothing. */
  fresh: string[]
  /** In the file, and not of this run. */
  unused: string[]
  notes: string[]
}

export interface FitOptions {
  file: string
  config: TrainConfig
  /** Tensors of the file, under the names of a run's variables. */
  given: Record<string, HostTensor>
  /** A fresh state. */
  state: Record<string, HostTensor>
  parts: 'all' | 'backbone'
  /** The architecture of the file. */
  source: BackboneConfig
  /** Attention heads that the file states. */
  heads?: number
}

/**
 * A fresh state with the tensors of a file in it. Position embeddings of another grid are resized as the model does it for images of
 * another size; their moments begin anew.
 *
 * @throws Failure for another architecture or head, or if a part of a network is missing, with what to do
 */
export function fitted(options: FitOptions): { state: Record<string, HostTensor>; report: InitReport } {
  const { file, config, state, parts, source, heads } = options
  const given = Object.fromEntries(Object.entries(options.given).map(([name, tensor]) => [name, asFloat32(tensor)]))
  const shapes = Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, shape]))
  const { matched, missing, unexpected, mismatched } = loadReport(given, shapes)
  const positions = mismatched.filter(({ name, found, needed }) => {
    return name.endsWith('backbone.pos_embed') && isGrid(found) && found[2] === needed[2]
  })
  const resized = positions.map(({ name }) => name).filter((name) => !name.startsWith('optimizer.'))
  const moments = positions.map(({ name }) => name).filter((name) => name.startsWith('optimizer.'))
  // The step count of moments that begin anew does so too.
  const steps = moments.length > 0 ? matched.filter((name) => /^optimizer\.step\..*pos_embed$/.test(name)) : []
  const wrong = mismatched.filter(({ name }) => !resized.includes(name) && !moments.includes(name))
  const backbone = setupOf(config).backbone
  const otherHeads = heads !== undefined && isVit(backbone) && backbone.numHeads !== heads
  if (wrong.length > 0 || otherHeads) {
    const { name, found, needed } = wrong[0] ?? {
      name: 'its attention',
      found: [heads!],
      needed: [(backbone as vit.VitConfig).numHeads],
    }
    const what = wrong.length > 0 ? 'shape' : 'heads'
    const count = wrong.length > 1 ? ` (${wrong.length} of them)` : ''
    throw new Failure(
      `--init ${file}: ${name} has ${what} [${found}], this run needs [${needed}]${count}. ${advice(options)}`,
      2,
    )
  }
  const incomplete = missing.filter((name) => required(parts).test(name))
  if (incomplete.length > 0) {
    throw new Failure(
      `--init ${file}: ${incomplete[0]} is missing (${incomplete.length} of this run are). ${advice(options)}`,
      2,
    )
  }

  const next = { ...state }
  for (const name of matched) if (!steps.includes(name)) next[name] = given[name]!
  for (const name of resized) next[name] = resizedPositions(given[name]!, backbone as vit.VitConfig)
  return {
    state: next,
    report: {
      matched: matched.filter((name) => !steps.includes(name)),
      resized,
      fresh: [...missing, ...moments, ...steps],
      unused: unexpected,
      notes:
        heads === undefined && isVit(backbone) && isVit(source) && source.numHeads !== backbone.numHeads
          ? [`the file does not say how many attention heads it has: taken for ${backbone.numHeads}`]
          : [],
    },
  }
}

/** Without these nothing of a network would be whole. */
function required(parts: 'all' | 'backbone'): RegExp {
  return parts === 'all' ? /^(student|teacher)\.(backbone|head)\./ : /^(student|teacher)\.backbone\./
}

/** The settings that would fit the file. */
function advice({ config, given, source, parts, heads }: FitOptions): string {
  const here = setupOf(config).backbone
  const flags = [...backboneFlags(source, here, heads), ...(parts === 'all' ? headFlags(given, config) : [])]
  const less = parts === 'all' ? ', or take the backbone alone with --init-parts backbone' : ''
  return `${flags.length > 0 ? `Add ${flags.join(' ')}` : 'It is of another kind of run: use its settings'}${less}.`
}

function backboneFlags(source: BackboneConfig, here: BackboneConfig, heads: number | undefined): string[] {
  if (!isVit(source)) {
    const { block, layers, planes = [] } = source
    const arch = Object.entries(resnets).find(
      ([, each]) => each.block === block && String(each.layers) === String(layers),
    )
    if (!isVit(here) && here.block === block && String([here.layers, here.planes]) === String([layers, planes]))
      return []
    return arch ? [`--arch ${arch[0]}`] : [`--resnet-layers ${layers}`, `--resnet-planes ${planes}`]
  }
  const { embedDim, depth, patchSize } = source
  const now = isVit(here) ? here : undefined
  const arch = Object.entries(vits).find(([, each]) => each.embedDim === embedDim && each.depth === depth)
  const sizes = [
    ...(embedDim === now?.embedDim ? [] : [`--embed-dim ${embedDim}`]),
    ...(depth === now?.depth ? [] : [`--depth ${depth}`]),
    ...(heads === undefined || heads === now?.numHeads ? [] : [`--num-heads ${heads}`]),
  ]
  const patch = patchSize === now?.patchSize ? [] : [`--patch-size ${patchSize}`]
  return [...(arch && sizes.length > 0 && heads === arch[1].numHeads ? [`--arch ${arch[0]}`] : sizes), ...patch]
}

/** The sizes of the head in a file, as far as its shapes tell, where they differ. */
function headFlags(given: Record<string, HostTensor>, config: TrainConfig): string[] {
  const layers = Object.entries(given).filter(([name, { shape }]) => {
    return /^student\.head\.mlp(\.\d+)?\.weight$/.test(name) && shape.length === 2
  })
  const prototypes = given['student.head.last_layer.weight_v']?.shape
  const sizes = {
    outDim: prototypes?.[0],
    headBottleneckDim: prototypes?.[1],
    headHiddenDim: layers.length > 1 ? layers[0]![1].shape[0] : undefined,
    headLayers: layers.length || undefined,
  }
  const differing = Object.entries(sizes).filter(([key, size]) => size && size !== config[key as keyof typeof sizes])
  return differing.map(([key, size]) => `--${kebab(key)} ${size}`)
}

function isGrid(shape: readonly number[]): boolean {
  return shape.length === 3 && Number.isInteger(Math.sqrt(shape[1]! - 1))
}

function resizedPositions(embeddings: HostTensor, config: vit.VitConfig): HostTensor {
  const resized = tf.tidy(() => {
    const given = tf.tensor(embeddings.data as Float32Array, embeddings.shape)
    return vit.positionEmbeddings(config, given, config.imgSize, config.imgSize)
  })
  const data = resized.dataSync<'float32'>().slice()
  const shape = [1, ...resized.shape]
  resized.dispose()
  return { dtype: 'float32', shape, data }
}

function asFloat32(tensor: HostTensor): HostTensor {
  return /^(float|bfloat)/.test(tensor.dtype) ? toFloat32(tensor) : tensor
}
