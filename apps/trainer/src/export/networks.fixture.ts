import { cases, load } from '@dino/fixtures'
import * as resnet from '@dino/resnet'
import * as tf from '@tensorflow/tfjs-core'
import { type ExportOutput, exportOutputs } from '../commands/export.js'
import type { HostTensor } from '../train/host-tensor.js'
import type { Network } from './network.js'
import { resnetNetwork } from './resnet-network.js'
import { vitNetwork } from './vit-network.js'

/** A network, images for it and what it has to give. */
export interface NetworkCase {
  name: string
  network: Network
  /** [B, channels, height, width] */
  images: { shape: number[]; data: Float32Array }
  /** By the name of the output. */
  expected: Record<string, { shape: number[]; data: Float32Array }>
}

interface VitCase {
  config: { img_size: number; patch_size: number; embed_dim: number; depth: number; num_heads: number }
  inputs: number
}

/** The reference's vision transformers at every size that the fixtures have, with all outputs and with [CLS] alone; and a ResNet of each kind. */
export function networkCases(): NetworkCase[] {
  return [
    ...cases<VitCase>('vit').flatMap((fixture) => {
      const tensors = load(fixture)
      return Array.from({ length: fixture.inputs }, (_, j) => [
        vitCase(fixture, tensors, j, exportOutputs),
        vitCase(fixture, tensors, j, ['cls']),
      ]).flat()
    }),
    resnetCase('basic', 24, 40),
    resnetCase('bottleneck', 33, 32),
  ]
}

/** The case with so many images: its own, again and again. */
export function ofBatch(size: number, { images, expected, ...rest }: NetworkCase): NetworkCase {
  const again = ({ shape, data }: { shape: number[]; data: Float32Array }) => {
    const length = data.length / shape[0]!
    const all = new Float32Array(size * length)
    for (let i = 0; i < size; i++) {
      const from = (i % shape[0]!) * length
      all.set(data.subarray(from, from + length), i * length)
    }
    return { shape: [size, ...shape.slice(1)], data: all }
  }
  const each = Object.entries(expected).map(([name, tensor]) => [name, again(tensor)])
  return { ...rest, images: again(images), expected: Object.fromEntries(each) }
}

function vitCase(
  { name, config }: VitCase & { name: string },
  tensors: Record<string, HostTensor>,
  j: number,
  outputs: readonly ExportOutput[],
): NetworkCase {
  const { img_size, patch_size, embed_dim, depth, num_heads } = config
  const sizes = { imgSize: img_size, patchSize: patch_size, embedDim: embed_dim, depth, numHeads: num_heads }
  const params = Object.entries(tensors).filter(([key]) => key.startsWith('param.'))
  const weights = Object.fromEntries(params.map(([key, tensor]) => [key.slice('param.'.length), tensor]))
  const images = floats(tensors[`in${j}.images`]!)
  const [, , height, width] = images.shape as [number, number, number, number]
  const all = {
    cls: floats(tensors[`out${j}.cls`]!),
    patches: withoutFirstToken(floats(tensors[`out${j}.layer${depth - 1}`]!)),
    attention: floats(tensors[`out${j}.last_attention`]!),
  }
  return {
    name: `${name}, ${height} x ${width}, ${outputs.join()}`,
    network: vitNetwork(sizes, weights, { height, width, outputs }),
    images,
    expected: Object.fromEntries(outputs.map((output) => [output, all[output]])),
  }
}

/** Held to @dino/resnet, which its own tests hold to torchvision. */
function resnetCase(block: 'basic' | 'bottleneck', height: number, width: number): NetworkCase {
  const config: resnet.ResnetConfig = { block, layers: [1, 2, 1, 1], planes: [8, 8, 12, 16] }
  const params = resnet.init(config, 0)
  for (const [i, name] of Object.keys(resnet.buffers(config)).entries()) {
    const shape = params[name]!.shape as [number]
    params[name] = name.endsWith('var')
      ? tf.randomUniform(shape, 0.5, 2, 'float32', i)
      : tf.randomNormal(shape, 0, 0.2, 'float32', i)
  }
  const nhwc = tf.randomNormal<tf.Rank.R4>([3, height, width, 3], 0, 1, 'float32', 7)
  const weights = Object.entries(params).map(([name, tensor]): [string, HostTensor] => {
    return [name, { dtype: 'float32', ...host(tensor) }]
  })
  return {
    name: `ResNet, ${block}, ${height} x ${width}`,
    network: resnetNetwork(Object.fromEntries(weights), { height, width }),
    images: host(tf.transpose(nhwc, [0, 3, 1, 2])),
    expected: { features: host(resnet.apply(config, params, nhwc)) },
  }
}

function host(tensor: tf.Tensor): { shape: number[]; data: Float32Array } {
  return { shape: tensor.shape, data: tensor.dataSync<'float32'>().slice() }
}

function floats({ shape, data }: HostTensor): { shape: number[]; data: Float32Array } {
  return { shape, data: data as Float32Array }
}

/** [B, N, D] → [B, N - 1, D] */
function withoutFirstToken({ shape, data }: { shape: number[]; data: Float32Array }) {
  const [B, N, D] = shape as [number, number, number]
  const rest = new Float32Array(B * (N - 1) * D)
  for (let b = 0; b < B; b++) rest.set(data.subarray((b * N + 1) * D, (b + 1) * N * D), b * (N - 1) * D)
  return { shape: [B, N - 1, D], data: rest }
}
