import * as vit from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import { type Embedder, type EmbedOptions, embedder } from '../../inspect/embed.js'

/** What a value counts as at least, so that a root exists (METHOD.md, 1.17). */
const LEAST = 1e-6

/** `copyDescriptor` of @dino/eval inside the graph, so that tokens never leave it: [CLS] and the generalised mean of the patches. */
export function copyEmbedder(options: EmbedOptions): Promise<Embedder> {
  const { embedDim: D } = options.config
  return embedder('copies', options, 2 * D, (config, params, images) => {
    const [layer] = vit.intermediateLayers(config, params, images, 1) // [B, N, D]
    const [B, N] = layer!.shape
    const cls = tf.reshape(tf.slice3d(layer!, [0, 0, 0], [B, 1, D]), [B, D]) as tf.Tensor2D
    const patches = tf.maximum(tf.slice3d(layer!, [0, 1, 0], [B, N - 1, D]), LEAST)
    const gem = tf.sqrt(tf.sqrt(tf.mean(tf.square(tf.square(patches)), 1))) as tf.Tensor2D // power 4 and its root
    return tf.concat2d([cls, gem], 1) // [B, 2 · D]
  })
}
