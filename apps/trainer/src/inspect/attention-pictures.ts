import type { Image } from '@dino/augment'
import { massMask } from '@dino/eval'
import { meanOverHeads } from './attention-scores.js'
import { heatMap, masked, overlay, type PatchGrid } from './images.js'

/**
 * What `dino attention` draws of an image, by file name: of each head and of their mean the map, the map over the image, and the image inside
 * the mask.
 *
 * @param maps [heads, patches]
 * @param threshold share of the attention that a mask holds
 */
export function attentionPictures(image: Image, maps: Float32Array, grid: PatchGrid, threshold: number) {
  const patches = grid.rows * grid.columns
  const heads = maps.length / patches
  const named: [string, Float32Array][] = [['mean', meanOverHeads(maps, heads)]]
  for (let head = 0; head < heads; head++) {
    named.push([`head${head}`, maps.subarray(head * patches, (head + 1) * patches)])
  }
  const pictures = new Map<string, Image>()
  for (const [name, map] of named) {
    pictures.set(`attn-${name}.png`, heatMap(map, grid))
    pictures.set(`overlay-${name}.png`, overlay(image, map, grid))
    pictures.set(`mask_th${threshold}_${name}.png`, masked(image, massMask(map, threshold), grid))
  }
  return pictures
}
