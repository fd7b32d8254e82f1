import type { Embedder, EmbedOptions } from '../inspect/embed.js'
import { Failure } from '../report/io.js'
import type { BackboneConfig } from '../train/backbone.js'

/** Sizes that stay compiled. */
const MOST_SIZES = 24

export interface SizedOptions {
  /** Pixels of a side that the network needs. */
  least: number
  /** Images of one call of the graph, for so many images of a size. */
  batch(images: number, height: number, width: number): number
}

/**
 * Embeds images of any size: a graph is compiled for a size when it comes, and the one that was not used for longest is given up.
 *
 * @param embedder makes the graph of one size
 */
export function sizedEmbedder<C extends BackboneConfig>(
  embedder: (options: EmbedOptions<C>) => Promise<Embedder>,
  options: Omit<EmbedOptions<C>, 'batch' | 'height' | 'width'>,
  { least, batch: batchOf }: SizedOptions,
): (images: Uint8Array, height: number, width: number) => Promise<Float32Array> {
  const compiled = new Map<string, Embedder>() // the one used last is last
  return async (images, height, width) => {
    if (Math.min(height, width) < least) {
      throw new Failure(
        `An image has ${width} x ${height} pixels at this --image-size, and the network needs ${least} each way. Choose a larger one.`,
        2,
      )
    }
    const batch = batchOf(images.length / (height * width * (options.config.channels ?? 3)), height, width)
    const size = `${batch}x${height}x${width}`
    const own = compiled.get(size) ?? (await embedder({ ...options, batch, height, width }))
    compiled.delete(size)
    compiled.set(size, own)
    if (compiled.size > MOST_SIZES) {
      const [oldest, given] = compiled.entries().next().value!
      compiled.delete(oldest)
      given.dispose()
    }
    return own(images)
  }
}
