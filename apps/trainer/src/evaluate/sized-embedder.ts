import type { Embedder, EmbedOptions } from '../inspect/embed.js'
import type { ViewEmbedder } from '../inspect/features.js'
import { Failure } from '../report/io.js'
import type { BackboneConfig } from '../train/backbone.js'

/** Sizes that stay compiled. */
const MOST_SIZES = 24

export interface SizedEmbedder extends ViewEmbedder {
  dispose(): void
}

/**
 * Embeds images of any size: a graph is compiled for a size when it comes, and the one that was not used for longest is given up.
 *
 * @param embedder makes the graph of one size
 * @param least pixels of a side that the network needs
 */
export function sizedEmbedder<C extends BackboneConfig>(
  embedder: (options: EmbedOptions<C>) => Promise<Embedder>,
  options: Omit<EmbedOptions<C>, 'height' | 'width'>,
  { width: dim, least }: { width: number; least: number },
): SizedEmbedder {
  const compiled = new Map<string, Embedder>() // the one used last is last
  const embed = async (images: Uint8Array, height: number, width: number) => {
    if (Math.min(height, width) < least) {
      throw new Failure(
        `An image has ${width} x ${height} pixels at this --image-size, and the network needs ${least} each way. Choose a larger one.`,
        2,
      )
    }
    const size = `${height}x${width}`
    const own = compiled.get(size) ?? (await embedder({ ...options, height, width }))
    compiled.delete(size)
    compiled.set(size, own)
    if (compiled.size > MOST_SIZES) {
      const [oldest, given] = compiled.entries().next().value!
      compiled.delete(oldest)
      given.dispose()
    }
    return own(images)
  }
  const dispose = () => {
    for (const each of compiled.values()) each.dispose()
    compiled.clear()
  }
  return Object.assign(embed, { width: dim, dispose }) as unknown as SizedEmbedder
}
