import { architectures, resnet } from './defaults.js'

export type Architecture = keyof typeof architectures

/** One number for each of the four stages. */
export type Stages = readonly [number, number, number, number]

export interface ResnetConfig {
  /** Two 3 x 3 convolutions, or 1 x 1, 3 x 3 and 1 x 1 with four times the channels at its end. */
  block: 'basic' | 'bottleneck'
  /** Blocks of each stage. */
  layers: Stages
  /** Channels inside the blocks of each stage. Default 64, 128, 256, 512. */
  planes?: Stages
  /** Channels of an image. Default 3. */
  channels?: number
}

/** Channels of the first convolution, whatever the stages have. */
export const stem = 64

/**
 * The sizes of ResNet-18, 34, 50 or 101.
 *
 * He et al. 2016, table 1.
 *
 * @param overrides what differs, for example `{ planes: [16, 32, 64, 128] }`; an `undefined` keeps the default
 * @throws RangeError for an unknown name, or a size that is no positive integer
 */
export function config(arch: Architecture, overrides: Partial<ResnetConfig> = {}): Required<ResnetConfig> {
  const base = Object.hasOwn(architectures, arch) ? architectures[arch] : undefined
  if (!base) {
    const known = Object.keys(architectures).join(', ')
    throw new RangeError(`resnet.config: expected an architecture of ${known}, got ${arch}`)
  }
  const { block = base.block, layers = base.layers } = overrides
  return resolve({ ...overrides, block, layers })
}

/** Every default filled in, every number checked. */
export function resolve(config: ResnetConfig): Required<ResnetConfig> {
  const { block, layers, planes = resnet.planes, channels = resnet.channels } = config
  if (block !== 'basic' && block !== 'bottleneck') {
    throw new RangeError(`resnet: expected block to be basic or bottleneck, got ${block}`)
  }
  for (const [name, sizes] of Object.entries({ layers, planes })) {
    if (sizes.length !== 4 || !sizes.every((size) => Number.isInteger(size) && size >= 1)) {
      throw new RangeError(`resnet: expected ${name} to be four positive integers, got [${sizes}]`)
    }
  }
  if (!(Number.isInteger(channels) && channels >= 1)) {
    throw new RangeError(`resnet: expected channels to be a positive integer, got ${channels}`)
  }
  return { block, layers, planes, channels }
}

/** Width D of the features: 512 for ResNet-18 and 34, 2048 for 50 and 101. */
export function width(config: ResnetConfig): number {
  const { block, planes } = resolve(config)
  return planes[3] * expansion(block)
}

/** Channels that leave a block, in units of those inside. */
export function expansion(block: ResnetConfig['block']): number {
  return block === 'bottleneck' ? 4 : 1
}
