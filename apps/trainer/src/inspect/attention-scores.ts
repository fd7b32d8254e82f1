import { jaccard, massMask } from '@dino/eval'

/** Share of the attention that a mask holds, as in the paper's figures. */
export const MASS = 0.6

/** How well attention covers the object of one image, 0 to 1. */
export interface ImageAttention {
  /** [heads] */
  heads: number[]
  /** Of the average of the heads' maps. */
  mean: number
}

/** Jaccard of attention masks and objects, 0 to 1, averaged over images. */
export interface AttentionScores {
  /** Mask of the average of the heads' maps. */
  meanHead: number
  /** The one head that is best on average, and which. */
  bestHead: number
  bestHeadIndex: number
  /** In each image its best head: the figure that the paper gives for VOC12 (METHOD.md, 3.7). Grows with the heads by chance alone. */
  bestHeadOfEachImage: number
  /** [heads] */
  heads: number[]
}

/**
 * @param map [heads, patches] of one image
 * @param mass share of the attention in a mask
 * @param score of a mask [patches]
 */
export function imageAttention(
  map: Float32Array,
  heads: number,
  mass: number,
  score: (mask: Uint8Array) => number,
): ImageAttention {
  const patches = map.length / heads
  const own = Array.from({ length: heads }, (_, head) => map.subarray(head * patches, (head + 1) * patches))
  return {
    heads: own.map((each) => score(massMask(each, mass))),
    mean: score(massMask(meanOverHeads(map, heads), mass)),
  }
}

/** @param images at least one */
export function attentionScores(images: readonly ImageAttention[]): AttentionScores {
  const average = (of: (image: ImageAttention) => number) =>
    images.reduce((sum, image) => sum + of(image) / images.length, 0)
  const heads = images[0]!.heads.map((_, head) => average((image) => image.heads[head]!))
  const bestHead = Math.max(...heads)
  return {
    meanHead: average(({ mean }) => mean),
    bestHead,
    bestHeadIndex: heads.indexOf(bestHead),
    bestHeadOfEachImage: average((image) => Math.max(...image.heads)),
    heads,
  }
}

/**
 * @param maps [images, heads, patches]
 * @param masks [images] of [patches]
 * @param mass share of the attention in a mask
 */
export function attentionJaccard(maps: Float32Array, masks: readonly Uint8Array[], mass = MASS): AttentionScores {
  const patches = masks[0]!.length
  const heads = maps.length / (masks.length * patches)
  if (!Number.isInteger(heads) || heads < 1) {
    throw new RangeError(
      `attentionJaccard: expected [${masks.length}, heads, ${patches}] numbers, got ${maps.length}. Is it another patch size?`,
    )
  }
  const each = heads * patches
  return attentionScores(
    masks.map((truth, i) => {
      return imageAttention(maps.subarray(i * each, (i + 1) * each), heads, mass, (mask) => jaccard(mask, truth))
    }),
  )
}

/** The average map of one image. @param map [heads, patches] @returns [patches] */
export function meanOverHeads(map: Float32Array, heads: number): Float32Array {
  const patches = map.length / heads
  const mean = new Float32Array(patches)
  for (let i = 0; i < map.length; i++) mean[i % patches]! += map[i]! / heads
  return mean
}
