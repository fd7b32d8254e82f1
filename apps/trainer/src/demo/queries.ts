import { type Draws, stream } from '@dino/random'
import { type Box, type Rgb, resizedCrop } from './image.js'

export interface CropQueryOptions {
  /** Pixels of a side of each query. */
  size: number
  seed: number
  /** Share of the picture's area that is kept, from and to. Default [.35, .8]. */
  area?: readonly [number, number]
  /** Width / height of the crop, from and to, uniform in the logarithm. Default [3/4, 4/3]. */
  ratio?: readonly [number, number]
}

/**
 * A random crop of each picture, every second one mirrored, resized: can the picture that it came from be found?
 *
 * The same for the same seed; query i does not depend on how many there are.
 */
export function cropQueries(
  images: readonly Rgb[],
  { size, seed, area = [0.35, 0.8], ratio = [3 / 4, 4 / 3] }: CropQueryOptions,
): Rgb[] {
  return images.map((image, i) => {
    const draws = stream(seed, 'query', i)
    return resizedCrop(image, randomBox(draws, image, area, ratio), size, draws.uniform() < 0.5)
  })
}

/** A box of that area and ratio at any place in the picture (METHOD.md, 1.12, without the fallback: it is clipped). */
function randomBox(
  draws: Draws,
  { width: W, height: H }: Rgb,
  area: readonly [number, number],
  ratio: readonly [number, number],
): Box {
  const pixels = W * H * draws.uniform(area[0], area[1])
  const r = Math.exp(draws.uniform(Math.log(ratio[0]), Math.log(ratio[1])))
  const width = Math.max(1, Math.min(W, Math.round(Math.sqrt(pixels * r))))
  const height = Math.max(1, Math.min(H, Math.round(Math.sqrt(pixels / r))))
  return { left: draws.integer(0, W - width + 1), top: draws.integer(0, H - height + 1), width, height }
}
