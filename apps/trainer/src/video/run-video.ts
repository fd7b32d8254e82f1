import { type Image, resize } from '@dino/augment'
import { massMask } from '@dino/eval'
import { openSession } from '@dino/graph'
import { gridSize } from '@dino/vit'
import type { VideoOptions } from '../commands/video.js'
import { meanOverHeads } from '../inspect/attention-scores.js'
import { loadBackbone } from '../inspect/backbone.js'
import { attentionEmbedder, type Embedder } from '../inspect/embed.js'
import { cutToGrid, heatMap, masked, overlay, type PatchGrid } from '../inspect/images.js'
import { type Size, sizeToLookAt } from '../inspect/size-to-look-at.js'
import { counter } from '../report/counter.js'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'
import { prefixed } from '../train/model.js'
import { rateOf } from './ffmpeg.js'
import { openFrames } from './read-frames.js'
import { type FrameSink, kindOf, openSink } from './write-frames.js'

/** What the first frame decides for all. */
interface Stage {
  /** Of the frames as they come. */
  given: Size
  /** As the network sees them, before they are cut to whole patches. */
  size: Size
  grid: PatchGrid
  attention: Embedder
  sink: FrameSink
}

/** `dino video`: the attention of every frame. Holds a frame or two, however long the video is. */
export async function runVideo(options: VideoOptions, io: TrainIO): Promise<number> {
  const { input, output, threshold, json } = options
  if (options.overlay && threshold !== undefined) {
    throw new Failure('--overlay and --threshold are two ways to draw the same. Leave one out.', 2)
  }
  const backbone = await loadBackbone(options.checkpoint, options.network)
  const { background, config, normalization } = backbone
  const { frames, fps, total } = await openFrames(input, { ...options, background }, io)
  kindOf(output, fps) // refuses before anything is computed
  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  const count = counter(io, 'frames')
  let stage: Stage | undefined
  let done = 0
  let writing: Promise<void> = Promise.resolve()
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const begin = async (first: Image): Promise<Stage> => {
      const size = sizeToLookAt(first, options.imageSize ?? [], config.patchSize, io)
      const [rows, columns] = gridSize(config, size.height, size.width)
      const grid = { rows, columns, patchSize: config.patchSize }
      const [height, width] = [rows * config.patchSize, columns * config.patchSize]
      const pixels = { batch: 1, height, width }
      const attention = await attentionEmbedder({ session, config, prefix: 'backbone.', normalization, ...pixels })
      const given = { width: first.width, height: first.height }
      return { given, size, grid, attention, sink: await openSink(output, { fps, width, height }, io) }
    }
    for await (const { name, image } of frames) {
      io.signal.throwIfAborted()
      stage ??= await begin(image)
      const { given, size, grid, attention, sink } = stage
      if (image.width !== given.width || image.height !== given.height) {
        const sizes = `${given.width} x ${given.height} pixels, as the first has, got ${image.width} x ${image.height}`
        throw new Failure(`${input}, frame ${name}: expected ${sizes}.`)
      }
      const same = size.width === given.width && size.height === given.height
      const seen = cutToGrid(same ? image : resize(image, size), grid)
      const map = meanOverHeads(await attention(seen.data), config.numHeads)
      const picture = options.overlay
        ? overlay(seen, map, grid)
        : threshold !== undefined
          ? masked(seen, massMask(map, threshold), grid)
          : heatMap(map, grid)
      await writing
      writing = sink.write(name, picture)
      writing.catch(() => undefined) // it is awaited, but later
      done++
      if (total) count.update(done, Math.max(done, total))
    }
    await writing
    if (!stage) throw new Failure(`${input} holds no frames.`)
    await stage.sink.close()
  } catch (error) {
    await writing.catch(() => undefined)
    await stage?.sink.abandon()
    if (io.signal.aborted) return 130
    throw error
  } finally {
    count.stop()
    await session.close()
  }
  const { rows, columns } = stage.grid
  const result = {
    input,
    output,
    checkpoint: backbone.path,
    network: options.network,
    frames: done,
    fps: rateOf(fps),
    rows,
    columns,
  }
  const text = `${output}: ${done} frames, ${rows}x${columns} patches, ${Number(rateOf(fps).toFixed(2))} a second\n`
  io.stdout.write(json ? `${JSON.stringify(result)}\n` : text)
  return 0
}
