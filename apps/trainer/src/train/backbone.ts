import { recompute } from '@dino/graph'
import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'

/** The sizes of a backbone; their names tell which of the two it is. */
export type BackboneConfig = vit.VitConfig | resnet.ResnetConfig

export type Params = Record<string, tf.Tensor>

export function isVit(config: BackboneConfig): config is vit.VitConfig {
  return 'patchSize' in config
}

/** The sizes of a vision transformer, for what only it has. */
export function vitOf(config: BackboneConfig): vit.VitConfig {
  if (!isVit(config)) throw new RangeError('vitOf: expected a vision transformer, got a ResNet.')
  return config
}

/** Width D of the features. */
export function featureWidth(config: BackboneConfig): number {
  return isVit(config) ? config.embedDim : resnet.width(config)
}

/** Shapes of all that is trained, by official name. */
export function parameterShapes(config: BackboneConfig): Record<string, number[]> {
  return isVit(config) ? vit.shapes(config) : resnet.shapes(config)
}

/** Shapes of running statistics, which are state and not trained. A vision transformer has none. */
export function statisticShapes(config: BackboneConfig): Record<string, number[]> {
  return isVit(config) ? {} : resnet.buffers(config)
}

/** Shapes of both: all that a checkpoint of the backbone holds. */
export function tensorShapes(config: BackboneConfig): Record<string, number[]> {
  return { ...parameterShapes(config), ...statisticShapes(config) }
}

/** Fresh parameters and statistics; the caller disposes them. */
export function init(config: BackboneConfig, seed: number): Params {
  return isVit(config) ? vit.init(config, seed) : resnet.init(config, seed)
}

/**
 * The features that are evaluated: [CLS] after the final norm, or a ResNet's pooled map by its running statistics.
 *
 * @param images normalised, [B, height, width, C]
 * @returns [B, D]
 */
export function features(config: BackboneConfig, params: Params, images: tf.Tensor4D): tf.Tensor2D {
  return isVit(config) ? vit.apply(config, params, images) : resnet.apply(config, params, images)
}

/** Images of one size, with the factors of residual branches where there is stochastic depth. */
export interface Crops {
  images: tf.Tensor4D
  dropPath?: tf.Tensor2D
  /** What of it is computed: all, unless given. */
  dropPathRows?: vit.DropPathRows
}

/**
 * Features of several groups of images in training: one pass a group. Batch norm takes its statistics from a pass; groups of one
 * size are therefore one, as in the reference, and each pass moves the running statistics that the one before it left.
 *
 * Reference: `MultiCropWrapper` in utils.py.
 *
 * @returns features [rows of all groups, D], in the order of the groups, and the statistics after them
 */
export function trainingFeatures(
  config: BackboneConfig,
  params: Params,
  groups: readonly Crops[],
  options: { recompute?: 'blocks' | 'cheap' } = {},
): { features: tf.Tensor2D; statistics: Params } {
  if (isVit(config)) {
    const again = {
      ...(options.recompute === 'blocks' && { recompute }),
      ...(options.recompute === 'cheap' && { recomputeCheap: recompute }),
    }
    const passes = groups.map(({ images, dropPath, dropPathRows }) =>
      vit.apply(config, params, images, { dropPath, dropPathRows, ...again }),
    )
    return { features: joined(passes), statistics: {} }
  }
  let statistics: Params = {}
  const passes = sameSizes(groups.map(({ images }) => images)).map((images) => {
    const { features, buffers } = resnet.applyTraining(config, { ...params, ...statistics }, images)
    statistics = buffers
    return features
  })
  return { features: joined(passes), statistics }
}

/** Neighbours of one size as one group. */
function sameSizes(groups: tf.Tensor4D[]): tf.Tensor4D[] {
  const bySize: tf.Tensor4D[][] = []
  for (const images of groups) {
    const last = bySize.at(-1)
    if (last && String(last[0]!.shape.slice(1)) === String(images.shape.slice(1))) last.push(images)
    else bySize.push([images])
  }
  return bySize.map(joined)
}

function joined<T extends tf.Tensor>(parts: T[]): T {
  return parts.length === 1 ? parts[0]! : tf.concat(parts, 0)
}
