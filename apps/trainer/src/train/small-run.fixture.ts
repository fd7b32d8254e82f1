import { stream } from '@dino/random'
import type { TrainOptions } from '../config/schema.js'
import type { HostTensor } from './host-tensor.js'
import { imagesInMemory, type TrainImages } from './images.js'

/** A model of a second: 24 images, 3 epochs of 4 steps, the last layer frozen in the first epoch. */
export const small: TrainOptions = {
  data: 'in memory',
  arch: 'vit_tiny',
  patchSize: 8,
  embedDim: 24,
  depth: 2,
  numHeads: 2,
  outDim: 32,
  headHiddenDim: 32,
  headBottleneckDim: 16,
  globalCropsSize: 32,
  localCropsSize: 16,
  localCropsNumber: 2,
  batchSize: 6,
  epochs: 3,
  warmupEpochs: 1,
  lr: 0.05,
  freezeLastLayer: 1,
  numWorkers: 0,
  seed: 3,
}

/** Images that differ in colour and texture, of several sizes. */
export function coloured(count: number): TrainImages {
  const items = Array.from({ length: count }, (_, i) => {
    const draws = stream(7, 'image', i)
    const [width, height] = [20 + (i % 5) * 9, 24 + (i % 3) * 11]
    const base = [0, 1, 2].map(() => draws.uniform(0, 200))
    const data = Uint8Array.from({ length: width * height * 3 }, (_, p) => base[p % 3]! + draws.uniform(0, 55))
    return { name: `image ${i}`, label: i % 2, image: { data, width, height, channels: 3 as const } }
  })
  return imagesInMemory(items, ['even', 'odd'])
}

export function floats({ data }: HostTensor): Float32Array {
  return data as Float32Array
}

export function largest(a: HostTensor, b: HostTensor): number {
  return floats(a).reduce((most, value, i) => Math.max(most, Math.abs(value - floats(b)[i]!)), 0)
}
