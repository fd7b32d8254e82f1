import {
  clsEmbedder,
  type Embedder,
  type EmbedOptions,
  type FeatureLayers,
  lastBlocksEmbedder,
} from '../../inspect/embed.js'
import { Failure } from '../../report/io.js'
import { type BackboneConfig, featureWidth, isVit } from '../../train/backbone.js'

/** From this width on the paper takes the last block alone, and adds its mean patch. */
const WIDE = 768

/**
 * Which features of a backbone the probe is given: [CLS] of the last 4 blocks, or for ViT-B of the last one with the mean patch, as in the
 * paper. A ResNet has its pooled map alone.
 *
 * @param asked what the user wants instead
 */
export function layersFor(config: BackboneConfig, asked: { nLastBlocks?: number; avgpool?: boolean }): FeatureLayers {
  if (!isVit(config)) {
    if (asked.nLastBlocks === undefined && !asked.avgpool) return { blocks: 1, avgpool: false }
    throw new Failure('--n-last-blocks and --avgpool are for vision transformers. A ResNet gives its pooled map.', 2)
  }
  const { embedDim, depth } = config
  const wide = embedDim >= WIDE
  const { nLastBlocks: blocks = wide ? 1 : Math.min(4, depth), avgpool = wide && asked.nLastBlocks === undefined } =
    asked
  if (blocks > depth) throw new Failure(`--n-last-blocks ${blocks}: the backbone has ${depth}.`, 2)
  return { blocks, avgpool }
}

/** Width of the features. */
export function layersWidth(config: BackboneConfig, { blocks, avgpool }: FeatureLayers): number {
  return featureWidth(config) * (blocks + Number(avgpool))
}

/** Features in words, by which the cache knows them: `cls`, `cls of 4 blocks`. */
export function layersName({ blocks, avgpool }: FeatureLayers): string {
  return `cls${blocks > 1 ? ` of ${blocks} blocks` : ''}${avgpool ? ' and mean patch' : ''}`
}

export function layersEmbedder(layers: FeatureLayers): (options: EmbedOptions<BackboneConfig>) => Promise<Embedder> {
  return (options) => {
    const { config } = options
    return isVit(config) ? lastBlocksEmbedder({ ...options, config }, layers) : clsEmbedder(options)
  }
}
