import * as vit from '@dino/vit'
import { Failure } from '../report/io.js'
import { featureWidth, isVit } from '../train/backbone.js'
import { type AnyBackbone, type Backbone, loadAnyBackbone, loadBackbone } from './backbone.js'
import { type Embedder, lastBlocksEmbedder, patchEmbedder } from './embed.js'
import { type OpenFeaturesOptions, openFeatures } from './features.js'

/** What is taken of a network. */
export type FeatureKind = 'cls' | 'patches' | 'blocks'

/** A backbone, and what an image becomes. */
export interface FeatureSource {
  backbone: AnyBackbone
  /** Shape of one image's features: [D], [patches, D], or [blocks, D], the last block's last. */
  shape: number[]
  /** Rows and columns of the patches. */
  grid?: [rows: number, columns: number]
  /** Pixels of the square that the network sees. */
  size: number
  open(options: Pick<OpenFeaturesOptions<never>, 'engine' | 'precision' | 'io'>): Promise<{
    session: { close(): Promise<void> }
    embed: Embedder
  }>
}

export interface FeatureSourceOptions {
  checkpoint: string
  network: 'teacher' | 'student'
  features: FeatureKind
  /** Last blocks, for 'blocks'. Default 4, or all of fewer. */
  blocks?: number
  imageSize?: number
}

/** @throws Failure for tokens of a ResNet, more blocks than there are, and images below one patch */
export async function featureSource(options: FeatureSourceOptions): Promise<FeatureSource> {
  const { checkpoint, network, features } = options
  if (features === 'cls') {
    const backbone = await loadAnyBackbone(checkpoint, network)
    const size = sizeFor(backbone, options.imageSize)
    return {
      backbone,
      size,
      shape: [featureWidth(backbone.config)],
      open: (how) => openFeatures(backbone, { ...how, size }),
    }
  }
  const backbone = await loadBackbone(checkpoint, network)
  const size = sizeFor(backbone, options.imageSize)
  const { embedDim: D, depth } = backbone.config
  if (features === 'patches') {
    const grid = vit.gridSize(backbone.config, size, size)
    const open: FeatureSource['open'] = (how) => openFeatures(backbone, { ...how, size, embedder: patchEmbedder })
    return { backbone, size, shape: [grid[0] * grid[1], D], grid, open }
  }
  const blocks = options.blocks ?? Math.min(4, depth)
  if (blocks > depth) throw new Failure(`--blocks ${blocks}: ${backbone.path} has ${depth} blocks.`, 2)
  const open: FeatureSource['open'] = (how) =>
    openFeatures(backbone, { ...how, size, embedder: (o) => lastBlocksEmbedder(o, { blocks, avgpool: false }) })
  return { backbone, size, shape: [blocks, D], open }
}

function sizeFor({ config, imageSize }: AnyBackbone | Backbone, asked: number | undefined): number {
  const size = asked ?? imageSize
  if (isVit(config) && size < config.patchSize) {
    throw new Failure(`--image-size: at least one patch of ${config.patchSize} pixels, got ${size}.`, 2)
  }
  return size
}
