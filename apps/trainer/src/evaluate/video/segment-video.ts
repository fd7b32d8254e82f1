import type { Image } from '@dino/augment'
import { decode } from '@dino/augment/node'
import { type ContextFrame, labelPixels, propagateMasks } from '@dino/eval'
import type { Session } from '@dino/graph'
import { gridSize } from '@dino/vit'
import type { Backbone } from '../../inspect/backbone.js'
import { type Embedder, patchEmbedder } from '../../inspect/embed.js'
import { cutToGrid } from '../../inspect/images.js'
import { Failure } from '../../report/io.js'
import type { Sequence } from './davis.js'
import { countObjects, type LabelImage, resizeLabels } from './label-png.js'
import { resizeLinear } from './resize-linear.js'

export interface SegmentOptions {
  /** Frames before the one to segment that give it their masks, beside the first. */
  nLastFrames: number
  /** Rows and columns of patches that a mask moves by at most; 0 for anywhere. */
  sizeMaskNeighborhood: number
  /** Patches that give a patch its masks. */
  topk: number
}

const SHORT_SIDE = 480
/** Long sides are whole multiples of this. */
const LONG_STEP = 64
/** The reference's third digit is another one in this protocol than everywhere else (METHOD.md, 1.23). */
const STD = [0.228, 0.224, 0.225]

/** Width and height of a frame for the network: short side 480, long side cut to a multiple of 64. */
export function frameSize(width: number, height: number): [width: number, height: number] {
  const long = (side: number, other: number) => Math.floor((SHORT_SIDE * side) / other / LONG_STEP) * LONG_STEP
  return height > width ? [SHORT_SIDE, long(height, width)] : [long(width, height), SHORT_SIDE]
}

/** Segments sequences with one backbone. Keeps the features of a few frames, and one compiled graph for each size of frame. */
export class VideoSegmenter {
  readonly #session: Session
  readonly #backbone: Backbone
  readonly #embedders = new Map<string, Promise<Embedder>>()

  /** @param session has the backbone's variables, under `backbone.` */
  constructor(session: Session, backbone: Backbone) {
    this.#session = session
    this.#backbone = backbone
  }

  /**
   * Labels of every frame from the second on, at the size of the sequence; those of the first are given. Each takes its masks from the first
   * frame and the last few: what the network makes of a frame is computed once.
   */
  async *segment(
    { frames }: Sequence,
    first: LabelImage,
    { nLastFrames, sizeMaskNeighborhood: neighbourhood, topk }: SegmentOptions,
  ): AsyncGenerator<Uint8Array> {
    const size = [first.width, first.height] as const
    const { patchSize, embedDim: dim } = this.#backbone.config
    const [frameWidth, frameHeight] = frameSize(...size)
    const [height, width] = gridSize(this.#backbone.config, frameHeight, frameWidth)
    const embed = await this.#embedder(height * patchSize, width * patchSize)
    const featuresOf = async (path: string) => {
      const image = await this.#read(path, size)
      const data = await embed(cutToGrid(image, { rows: height, columns: width, patchSize }).data)
      return { data, rows: height * width, dim }
    }
    const given: ContextFrame = {
      features: await featuresOf(frames[0]!),
      masks: oneHot(resizeLabels(first.labels, size, [width, height]), countObjects(first.labels) + 1),
    }
    const last: ContextFrame[] = []
    const ahead = (path: string) => {
      const features = featuresOf(path)
      features.catch(() => undefined) // it is awaited, but later
      return features
    }
    let next = ahead(frames[1]!)
    try {
      for (let frame = 1; frame < frames.length; frame++) {
        const features = await next
        if (frame + 1 < frames.length) next = ahead(frames[frame + 1]!) // the engine works while masks move here
        const masks = propagateMasks(features, [given, ...last], { height, width, topk, neighbourhood })
        last.push({ features, masks })
        if (last.length > nLastFrames) last.shift()
        const labels = labelPixels(masks, { height, width, patchSize })
        yield resizeLabels(labels, [width * patchSize, height * patchSize], size)
      }
    } finally {
      await next.catch(() => undefined) // who left early has no use for it, and the session must not close under it
    }
  }

  async #read(path: string, [width, height]: readonly [number, number]): Promise<Image> {
    const image = await decode(path)
    if (image.width === width && image.height === height) return resizeLinear(image, ...frameSize(width, height))
    throw new Failure(
      `${path}: expected ${width} x ${height} pixels, as the masks have, got ${image.width} x ${image.height}.`,
    )
  }

  #embedder(height: number, width: number): Promise<Embedder> {
    const key = `${height}x${width}`
    const { config, normalization } = this.#backbone
    const std = String(normalization.std) === '0.229,0.224,0.225' ? STD : normalization.std
    const embedder =
      this.#embedders.get(key) ??
      patchEmbedder({
        session: this.#session,
        config,
        prefix: 'backbone.',
        batch: 1,
        height,
        width,
        normalization: { mean: normalization.mean, std },
      })
    this.#embedders.set(key, embedder)
    return embedder
  }
}

/** @returns [objects, labels] */
function oneHot(labels: Uint8Array, objects: number): Float32Array {
  const masks = new Float32Array(objects * labels.length)
  for (let i = 0; i < labels.length; i++) masks[labels[i]! * labels.length + i] = 1
  return masks
}
