import type { Session } from '@dino/graph'
import type { TrainConfig } from '../config/schema.js'
import { clsEmbedder, type Embedder } from '../inspect/embed.js'
import { evalPixels } from '../inspect/features.js'
import { type Rows, scoreKnn, splitForKnn } from '../inspect/knn.js'
import type { TrainImages } from './images.js'
import { setupOf } from './setup.js'

/** Most that the pixels of the evaluated images may take; they are decoded once. */
const PIXEL_BYTES = 256e6

/**
 * Top-1 accuracy of both networks, in percent, as they are in the session: a fifth of the labelled images ask, the
 * others vote.
 */
export async function onlineKnn(config: TrainConfig, images: TrainImages, session: Session) {
  const size = config.globalCropsSize
  const bytes = size * size * 3
  const { database, queries } = splitForKnn(images, Math.max(100, Math.floor(PIXEL_BYTES / bytes)))
  const train = await evalPixels(images, database, { size, background: config.background })
  const test = await evalPixels(images, queries, { size, background: config.background })
  const embedderOf = (network: 'teacher' | 'student') =>
    clsEmbedder({
      session,
      config: setupOf(config).backbone,
      prefix: `${network}.backbone.`,
      batch: Math.min(config.batchSize, 64),
      height: size,
      width: size,
      normalization: config,
    })
  const embedders = { teacher: await embedderOf('teacher'), student: await embedderOf('student') }

  async function rows(embed: Embedder, { pixels, indices }: { pixels: Uint8Array; indices: number[] }): Promise<Rows> {
    return { data: await embed(pixels), rows: indices.length, dim: embed.width, indices: Int32Array.from(indices) }
  }

  async function scoreOf(embed: Embedder): Promise<number> {
    const scores = scoreKnn(await rows(embed, train), images.labels!, await rows(embed, test), images.labels!, {
      k: [config.knnK],
      temperature: config.knnTemperature,
      classes: images.classes.length,
    })
    return scores[config.knnK]!.top1
  }

  return {
    async score(): Promise<{ student: number; teacher: number }> {
      return { teacher: await scoreOf(embedders.teacher), student: await scoreOf(embedders.student) }
    },
    dispose(): void {
      embedders.teacher.dispose()
      embedders.student.dispose()
    },
  }
}
