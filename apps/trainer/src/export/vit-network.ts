import '../train/host-backend.js'
import * as vit from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import type { ExportOutput } from '../commands/export.js'
import type { HostTensor } from '../train/host-tensor.js'
import { type Network, NetworkBuilder, type Value } from './network.js'

const EPSILON = 1e-6 // of every LayerNorm: vision_transformer.py

/**
 * A vision transformer as a list of operations, equal to `vit.apply`, `vit.intermediateLayers` and `vit.lastAttention`.
 *
 * Outputs are `cls` [-1, D] and `patches` [-1, N - 1, D] after the final norm, and `attention` of the last block, [-1, H, N, N], whose row
 * 0 is [CLS]'s. Position embeddings are resized here and now, with the [CLS] token in their first row: it is then the same for every image.
 *
 * @param height of all images, in pixels
 */
export function vitNetwork(
  config: vit.VitConfig,
  tensors: Record<string, HostTensor>,
  { height, width, outputs }: { height: number; width: number; outputs: readonly ExportOutput[] },
): Network {
  const { cls_token: cls, pos_embed: positions, ...weights } = tensors
  const start = firstTokens(config, cls!, positions!, height, width)
  const b = new NetworkBuilder([config.channels ?? 3, height, width], { ...weights, first_tokens: start })
  const { embedDim: D, depth, numHeads: H, patchSize } = config
  const d = D / H
  const N = start.shape[1]!
  let lastAttention: Value | undefined
  const clsAlone = outputs.every((output) => output === 'cls')

  const patches = b.tokens(b.conv(b.input, 'patch_embed.proj', patchSize, 0)) // [-1, N - 1, D]
  let x = b.reshape(b.addWeight(b.prependZeros(patches), 'first_tokens'), -1, D) // [-1 (B · N), D]
  for (let i = 0; i < depth; i++) x = block(x, i)
  x = b.layerNorm(x, 'norm', EPSILON)
  const all = clsAlone ? x : b.reshape(x, -1, N, D)
  for (const name of outputs) {
    if (name === 'cls') b.output(clsAlone ? x : b.reshape(b.slice(all, 1, 0, 1), -1, D), name)
    else if (name === 'patches') b.output(b.slice(all, 1, 1, N - 1), name)
    else b.output(lastAttention!, name)
  }
  return b.finish()

  function block(x: Value, i: number): Value {
    const last = i === depth - 1
    const queries = last && clsAlone ? 1 : N // nothing else of the last block is asked for
    const attended = attention(b.layerNorm(x, `blocks.${i}.norm1`, EPSILON), `blocks.${i}.attn`, queries, last)
    const y = b.add(attended, queries === N ? x : clsOf(x))
    const hidden = b.gelu(b.linear(b.layerNorm(y, `blocks.${i}.norm2`, EPSILON), `blocks.${i}.mlp.fc1`))
    return b.add(b.linear(hidden, `blocks.${i}.mlp.fc2`), y)
  }

  /** [-1, D] → [-1, D], a row for each query. */
  function attention(x: Value, name: string, queries: number, last: boolean): Value {
    const all = b.linear(x, `${name}.qkv`) // [-1, 3D]
    const [q, k, v] = [0, 1, 2].map((part) => b.reshape(b.slice(all, 1, part * D, D), -1, N, H, d)) as [
      Value,
      Value,
      Value,
    ]
    const asked = b.transpose(queries === N ? q : b.slice(q, 1, 0, queries), 0, 2, 1, 3) // [-1, H, queries, d]
    const scores = b.matMul(b.scale(asked, d ** -0.5), b.transpose(k, 0, 2, 3, 1)) // [-1, H, queries, N]
    const weights = b.softmax(scores)
    if (last) lastAttention = weights
    const mixed = b.matMul(weights, b.transpose(v, 0, 2, 1, 3)) // [-1, H, queries, d]
    return b.linear(b.reshape(b.transpose(mixed, 0, 2, 1, 3), -1, D), `${name}.proj`)
  }

  function clsOf(x: Value): Value {
    return b.reshape(b.slice(b.reshape(x, -1, N, D), 1, 0, 1), -1, D)
  }
}

/** What is added to every image's tokens, [1, N, D]: [CLS] and its position, then the positions of the patches. */
function firstTokens(
  config: vit.VitConfig,
  cls: HostTensor,
  positions: HostTensor,
  height: number,
  width: number,
): HostTensor {
  const resized = tf.tidy(() => {
    const all = tf.tensor(positions.data as Float32Array, positions.shape)
    return vit.positionEmbeddings(config, all, height, width)
  })
  const data = resized.dataSync<'float32'>().slice()
  resized.dispose()
  for (const [i, value] of (cls.data as Float32Array).entries()) data[i]! += value
  return { dtype: 'float32', shape: [1, ...resized.shape], data }
}
