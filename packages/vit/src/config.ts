import { architectures, vit } from './defaults.js'

export type Architecture = keyof typeof architectures

export interface VitConfig {
  /** Side of the square images that the position embeddings are laid out for, in pixels. Other sizes still run. */
  imgSize: number
  /** Side of a patch, in pixels. */
  patchSize: number
  /** Width D of a token; a multiple of `numHeads`. */
  embedDim: number
  /** Number of blocks. */
  depth: number
  /** Attention heads H in each block. */
  numHeads: number
  /** Width of the MLP's hidden layer, in units of `embedDim`. Default 4. */
  mlpRatio?: number
  /** Channels of an image. Default 3. */
  channels?: number
  /**
   * Added to the grid of another image size before position embeddings are resized, in patches. Default 0.1, as in
   * DINO and its checkpoints; 0 samples with the plain ratio (`interpolate_offset` of DINOv2).
   */
  interpolateOffset?: number
}

/**
 * The sizes of ViT-Ti, ViT-S or ViT-B, for 224-pixel images in patches of 16.
 *
 * Caron et al. 2021, table 1.
 *
 * @param overrides what differs, for example `{ patchSize: 8 }`; an `undefined` keeps the default
 * @throws RangeError if a size is no positive integer, or heads do not divide the width
 */
export function config(arch: Architecture, overrides: Partial<VitConfig> = {}): Required<VitConfig> {
  const base = Object.hasOwn(architectures, arch) ? architectures[arch] : undefined
  if (!base) {
    throw new RangeError(
      `vit.config: expected an architecture of ${Object.keys(architectures).join(', ')}, got ${arch}`,
    )
  }
  const { embedDim = base.embedDim, depth = base.depth, numHeads = base.numHeads } = overrides
  const { imgSize = vit.imgSize, patchSize = vit.patchSize } = overrides
  return resolve({ ...overrides, imgSize, patchSize, embedDim, depth, numHeads })
}

/** Every default filled in, every number checked. */
export function resolve(config: VitConfig): Required<VitConfig> {
  const { imgSize, patchSize, embedDim, depth, numHeads } = config
  const { mlpRatio = vit.mlpRatio, channels = vit.channels, interpolateOffset = vit.interpolateOffset } = config
  const sizes = { imgSize, patchSize, embedDim, depth, numHeads, channels }
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) {
      throw new RangeError(`vit: expected ${name} to be a positive integer, got ${size}`)
    }
  }
  if (embedDim % numHeads !== 0) {
    throw new RangeError(`vit: expected embedDim to be a multiple of numHeads ${numHeads}, got ${embedDim}`)
  }
  if (imgSize < patchSize) {
    throw new RangeError(`vit: expected imgSize of at least one patch (${patchSize} px), got ${imgSize}`)
  }
  if (!(Math.floor(embedDim * mlpRatio) >= 1)) {
    throw new RangeError(`vit: expected mlpRatio above 0, got ${mlpRatio}`)
  }
  if (!(interpolateOffset >= 0 && interpolateOffset < 1)) {
    throw new RangeError(`vit: expected interpolateOffset from 0 to below 1, got ${interpolateOffset}`)
  }
  return { ...sizes, mlpRatio, interpolateOffset }
}

/**
 * How many whole patches fit, as [rows, columns]. What is left over at the right and the bottom is not looked at, as
 * with the reference's strided convolution.
 *
 * @throws RangeError if the image is smaller than a patch
 */
export function gridSize({ patchSize }: Pick<VitConfig, 'patchSize'>, height: number, width: number): [number, number] {
  const rows = Math.floor(height / patchSize)
  const columns = Math.floor(width / patchSize)
  if (!(rows >= 1 && columns >= 1)) {
    throw new RangeError(
      `vit: expected images of at least one patch (${patchSize} px), got ${height} x ${width}. Enlarge them, or use a smaller patchSize`,
    )
  }
  return [rows, columns]
}

/** The length N of the sequence for an image: its patches and [CLS]. */
export function tokens(config: Pick<VitConfig, 'patchSize'>, height: number, width: number): number {
  const [rows, columns] = gridSize(config, height, width)
  return 1 + rows * columns
}
