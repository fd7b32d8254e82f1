import { compile, type Precision, type Session } from '@dino/graph'
import type { VitConfig } from '@dino/vit'
import * as vit from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import { type BackboneConfig, features, featureWidth, type Params, tensorShapes } from '../train/backbone.js'

export interface Normalization {
  mean: readonly number[]
  std: readonly number[]
}

/** Maps any number of uint8 images (NHWC, one after the other) to `width` floats each. */
export interface Embedder {
  (images: Uint8Array): Promise<Float32Array>
  width: number
  dispose(): void
}

export interface EmbedOptions<C extends BackboneConfig = VitConfig> {
  session: Session
  config: C
  /** What the names of the backbone's variables begin with, such as `teacher.backbone.`. */
  prefix: string
  /** Images of one call of the graph; the last call of a list is padded. */
  batch: number
  height: number
  width: number
  normalization: Normalization
  /** What products are computed in. Default float32. */
  precision?: Precision
  /** Promises that the variables will not change while this embeds, which is faster. Default false. */
  freeze?: boolean
}

/** [CLS] after the final norm, or a ResNet's pooled map: the features that the paper evaluates (METHOD: detail 13). */
export function clsEmbedder(options: EmbedOptions<BackboneConfig>): Promise<Embedder> {
  return embedder('cls', options, featureWidth(options.config), features)
}

/** Which features a linear classifier is given. */
export interface FeatureLayers {
  /** Last blocks whose [CLS] is taken, 1 or more. */
  blocks: number
  /** Adds the mean of the last block's patch tokens. */
  avgpool: boolean
}

/** [CLS] of the last blocks, the last block's last, and perhaps the mean patch: each after the final norm (METHOD.md, 1.15). */
export function lastBlocksEmbedder(options: EmbedOptions, { blocks, avgpool }: FeatureLayers): Promise<Embedder> {
  const { embedDim: D, depth } = options.config
  if (blocks > depth) throw new RangeError(`lastBlocksEmbedder: ${blocks} blocks of ${depth} were asked for.`)
  if (blocks === 1 && !avgpool) return clsEmbedder(options)
  return embedder('layers', options, (blocks + Number(avgpool)) * D, (config, params, images) => {
    const layers = vit.intermediateLayers(config, params, images, blocks) // [B, N, D] each
    const [B, N] = layers[0]!.shape
    const parts = layers.map((layer) => tf.reshape(tf.slice3d(layer, [0, 0, 0], [B, 1, D]), [B, D]) as tf.Tensor2D)
    if (avgpool) parts.push(tf.mean(tf.slice3d(layers.at(-1)!, [0, 1, 0], [B, N - 1, D]), 1))
    return tf.concat2d(parts, 1) // [B, (blocks + avgpool) · D]
  })
}

/** Patch tokens of the last block after the final norm, row by row: [patches, D] an image. */
export function patchEmbedder(options: EmbedOptions): Promise<Embedder> {
  const { config, height, width } = options
  const [patches, D] = [vit.tokens(config, height, width) - 1, config.embedDim]
  return embedder('patches', options, patches * D, (config, params, images) => {
    const [layer] = vit.intermediateLayers(config, params, images, 1) // [B, 1 + patches, D]
    const B = layer!.shape[0]
    return tf.reshape(tf.slice3d(layer!, [0, 1, 0], [B, patches, D]), [B, patches * D])
  })
}

/** Numbers of attention that may be in memory at once, 256 MB. */
const MOST_ATTENTION = 2 ** 26

/** Images of one call that keep the memory of attention, [batch, heads, tokens, tokens], within bounds: 1 to `most`. */
export function attentionBatch(config: VitConfig, height: number, width: number, most: number): number {
  const each = config.numHeads * vit.tokens(config, height, width) ** 2
  return Math.max(1, Math.min(most, Math.floor(MOST_ATTENTION / each)))
}

/** Attention of [CLS] to the patches in the last block: [heads, patches] an image. */
export function attentionEmbedder(options: EmbedOptions): Promise<Embedder> {
  const patches = vit.tokens(options.config, options.height, options.width) - 1
  return embedder('attention', options, options.config.numHeads * patches, (config, params, images) => {
    const attention = vit.lastAttention(config, params, images) // [B, H, N, N]
    const [B, H, N] = attention.shape
    return tf.reshape(tf.slice4d(attention, [0, 0, 0, 1], [B, H, 1, N - 1]), [B, H * (N - 1)])
  })
}

/**
 * An embedder of what `run` makes of normalised images.
 *
 * @param name of the graph
 * @param dim numbers that `run` gives for each image
 */
export async function embedder<C extends BackboneConfig>(
  name: string,
  { session, config, prefix, batch, height, width, normalization, precision, freeze }: EmbedOptions<C>,
  dim: number,
  run: (config: C, params: Params, images: tf.Tensor4D) => tf.Tensor,
): Promise<Embedder> {
  const channels = config.channels ?? 3
  const names = Object.keys(tensorShapes(config))
  const compiled = await compile(
    (inputs, state) => {
      const params = Object.fromEntries(names.map((key) => [key, state[prefix + key]!]))
      const features = run(config, params, normalizeImages(inputs.images as tf.Tensor4D, normalization))
      return { outputs: { features } }
    },
    {
      session,
      name,
      inputs: { images: { shape: [batch, height, width, channels], dtype: 'uint8' } },
      precision,
      freeze,
    },
  )
  const bytes = height * width * channels

  const embed = async (images: Uint8Array): Promise<Float32Array> => {
    const count = images.length / bytes
    if (!Number.isInteger(count)) {
      throw new RangeError(
        `${name}: ${images.length} bytes are no whole number of ${height}x${width}x${channels} images.`,
      )
    }
    const features = new Float32Array(count * dim)
    const padded = new Uint8Array(batch * bytes)
    for (let first = 0; first < count; first += batch) {
      const rows = Math.min(batch, count - first)
      padded.fill(0, rows * bytes)
      padded.set(images.subarray(first * bytes, (first + rows) * bytes))
      const { features: out } = await compiled({ images: padded })
      features.set((out!.data as Float32Array).subarray(0, rows * dim), first * dim)
    }
    return features
  }
  return Object.assign(embed, { dispose: () => compiled.dispose(), width: dim }) as unknown as Embedder
}

/** uint8 pixels, as integers 0 to 255, to what the network was trained on. */
export function normalizeImages(images: tf.Tensor4D, { mean, std }: Normalization): tf.Tensor4D {
  const scale = tf.tensor1d(std.map((s) => 1 / (255 * s)))
  const shift = tf.tensor1d(mean.map((m, c) => -m / std[c]!))
  return tf.add(tf.mul(tf.cast(images, 'float32'), scale), shift)
}
