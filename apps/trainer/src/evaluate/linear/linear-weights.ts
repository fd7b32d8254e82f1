import { deinterleave } from '@dino/eval'
import { readWeights, writeSafetensors } from '@dino/weights/node'
import { type AnyBackbone, refuseWeights } from '../../inspect/backbone.js'
import type { FeatureLayers } from '../../inspect/embed.js'
import { Failure } from '../../report/io.js'
import type { HostTensor } from '../../train/host-tensor.js'
import { layersFor, layersName, layersWidth } from './linear-layers.js'
import type { ProbeWeights } from './probe.js'

/** A linear classifier out of a file. */
export interface LinearWeights extends ProbeWeights {
  /** What it is for; parts lie one after the other. */
  layers: FeatureLayers
  /** Names of the classes, where the file has them. */
  classes?: string[]
}

/**
 * Reads weights of {@link writeLinearWeights}, or what eval_linear.py saves (`state_dict`, `module.linear.*`): there the features of
 * average-pooled patches take turns with [CLS].
 *
 * @param asked which features the user says they are for; of ours the file knows
 */
export async function readLinearWeights(
  file: string,
  { config }: AnyBackbone,
  asked: { nLastBlocks?: number; avgpool?: boolean },
): Promise<LinearWeights> {
  const { tensors, metadata } = await readWeights(file).catch(refuseWeights)
  const weight = only(file, tensors, 'linear.weight', 2)
  const bias = only(file, tensors, 'linear.bias', 1)
  const ours = metadata.layers === undefined ? undefined : (JSON.parse(metadata.layers) as FeatureLayers)
  const layers = ours ?? layersFor(config, asked)
  const width = layersWidth(config, layers)
  const [classes, dim] = weight.shape as [number, number]
  if (dim !== width || bias.shape[0] !== classes) {
    throw new Failure(
      `${file} is a classifier of ${dim} features, and ${layersName(layers)} of this backbone are ${width}. ` +
        'Is it for another architecture? --n-last-blocks and --avgpool say which features it takes.',
    )
  }
  const interleaved = !ours && layers.avgpool && layers.blocks === 1 // the reference can make no others
  const given = { data: weight.data as Float32Array, rows: classes, dim }
  return {
    'linear.weight': { ...weight, data: (interleaved ? deinterleave(given) : given).data },
    'linear.bias': bias,
    layers,
    ...(metadata.classes !== undefined && { classes: JSON.parse(metadata.classes) as string[] }),
  }
}

export async function writeLinearWeights(
  file: string,
  { 'linear.weight': weight, 'linear.bias': bias }: ProbeWeights,
  about: { layers: FeatureLayers; classes: readonly string[]; checkpoint: string },
): Promise<void> {
  const tensors = { 'linear.weight': weight, 'linear.bias': bias }
  await writeSafetensors(file, tensors, {
    layers: JSON.stringify(about.layers),
    classes: JSON.stringify(about.classes),
    checkpoint: about.checkpoint,
  })
}

function only(file: string, tensors: Record<string, HostTensor>, name: string, rank: number): HostTensor {
  const found = Object.keys(tensors).filter((key) => key === name || key.endsWith(`.${name}`))
  const tensor = tensors[found[0]!]
  if (found.length === 1 && tensor!.dtype === 'float32' && tensor!.shape.length === rank) return tensor!
  const names = Object.keys(tensors)
  throw new Failure(
    `${file} holds no linear classifier: expected one float32 ${name} of ${rank} dimensions, got ` +
      `${found.length === 1 ? `${tensor!.dtype} [${tensor!.shape}]` : found.length}, among ${names.slice(0, 3).join(', ') || 'nothing'} ….`,
  )
}
