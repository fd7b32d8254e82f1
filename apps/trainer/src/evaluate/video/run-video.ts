import { dirname, join, resolve } from 'node:path'
import { type FrameScore, frameScore, meanScore, type ObjectScore, type Statistics, videoScore } from '@dino/eval'
import { openSession } from '@dino/graph'
import type { EvalVideoOptions } from '../../commands/eval-video.js'
import { type Backbone, loadBackbone } from '../../inspect/backbone.js'
import { weightsDigest } from '../../inspect/digest.js'
import { counter } from '../../report/counter.js'
import { engineProgress } from '../../report/engine-progress.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { prefixed } from '../../train/model.js'
import { writeResult } from '../result.js'
import { openDavis, type Sequence } from './davis.js'
import { countObjects, type LabelImage, readLabels } from './label-png.js'
import { MaskFolder } from './mask-folder.js'
import { VideoSegmenter } from './segment-video.js'

/** `dino eval video`: objects of the first frame, followed through the videos of DAVIS 2017. */
export async function runVideo(options: EvalVideoOptions, io: TrainIO): Promise<number> {
  const sequences = openDavis(options.data, options.sequences)
  const backbone = await loadBackbone(options.checkpoint, options.network)
  const { nLastFrames, sizeMaskNeighborhood, topk } = options
  const settings = { nLastFrames, sizeMaskNeighborhood, topk }
  const folder = masksFolder(backbone, options)
  if (folder?.stale) io.stderr.write('The masks written before are of other settings or weights: they are replaced.\n')
  const session = await openSession({ engine: options.engine, onProgress: engineProgress(io) })
  try {
    await session.create(prefixed('backbone.', backbone.tensors))
    const segmenter = new VideoSegmenter(session, backbone)
    const missing = sequences.filter((sequence) => !folder?.has(sequence))
    if (missing.length < sequences.length) {
      io.stderr.write(`${sequences.length - missing.length} of ${sequences.length} videos were segmented before.\n`)
    }
    const total = missing.reduce((sum, { frames }) => sum + frames.length - 1, 0)
    const count = counter(io, 'frames')
    let done = 0
    const scores: { sequence: string; objects: ObjectScore[] }[] = []
    for (const sequence of sequences) {
      const first = await readLabels(sequence.masks[0]!)
      const segmented = async function* () {
        for await (const labels of segmenter.segment(sequence, first, settings)) {
          io.signal.throwIfAborted()
          count.update(++done, total, sequence.name)
          yield labels
        }
      }
      const labels = !folder
        ? segmented()
        : folder.has(sequence)
          ? folder.read(sequence)
          : folder.write(sequence, first, segmented())
      scores.push({ sequence: sequence.name, objects: await score(sequence, first, labels) })
    }
    count.stop()
    const overall = percent(meanScore(scores.flatMap(({ objects }) => objects)))
    const each = scores.map(({ sequence, objects }) => {
      return { sequence, objects: objects.map((object) => percent(meanScore([object]))) }
    })
    const { checkpoint, network, data } = { ...options, checkpoint: backbone.path }
    const result = { checkpoint, network, data, ...settings, masks: folder?.path, ...overall, sequences: each }
    io.stdout.write(options.json ? `${JSON.stringify(result)}\n` : `${report(overall, each)}\n`)
    await writeResult(backbone, 'video', result, options)
    return 0
  } finally {
    await session.close()
  }
}

/** Where masks go: `--masks`, else with the run that they are of. Beside somebody's weights nothing is written unasked. */
function masksFolder(
  { path, run, config, normalization, tensors }: Backbone,
  { masks, data, nLastFrames, sizeMaskNeighborhood, topk }: EvalVideoOptions,
): MaskFolder | undefined {
  const folder = masks ?? (run ? join(dirname(path), 'davis2017') : undefined)
  if (folder === undefined) return undefined
  const { mean, std } = normalization
  const weights = { digest: weightsDigest(tensors), heads: config.numHeads, mean, std }
  return new MaskFolder(folder, { weights, data: resolve(data), nLastFrames, sizeMaskNeighborhood, topk })
}

/** @param labels of every frame from the second on; the last is not scored, as in the official evaluation */
async function score(sequence: Sequence, first: LabelImage, labels: AsyncIterable<Uint8Array>): Promise<ObjectScore[]> {
  const { width, height } = first
  const objects = countObjects(first.labels)
  if (objects === 0) throw new Failure(`${sequence.masks[0]}: the first frame has no object to follow.`)
  const scores: FrameScore[] = []
  let frame = 1
  for await (const each of labels) {
    const path = sequence.masks[frame++]!
    if (frame === sequence.masks.length) continue
    const truth = await readLabels(path)
    if (truth.width !== width || truth.height !== height) {
      throw new Failure(
        `${path}: expected ${width} x ${height} pixels, as in ${sequence.masks[0]}, got ${truth.width} x ${truth.height}.`,
      )
    }
    scores.push(frameScore(each, truth.labels, { width, height, objects }))
  }
  return videoScore(scores)
}

type Scores = ReturnType<typeof meanScore>

function percent({ mean, region, contour }: Scores): Scores {
  const of = ({ mean, recall, decay }: Statistics) => ({ mean: 100 * mean, recall: 100 * recall, decay: 100 * decay })
  return { mean: 100 * mean, region: of(region), contour: of(contour) }
}

const HEAD = ['video', 'object', 'J&F %', 'J mean', 'recall', 'decay', 'F mean', 'recall', 'decay']

function report(overall: Scores, sequences: readonly { sequence: string; objects: Scores[] }[]): string {
  const row = (name: string, object: string, { mean, region, contour }: Scores) => {
    const figures = [mean, ...[region, contour].flatMap(({ mean, recall, decay }) => [mean, recall, decay])]
    return [name, object, ...figures.map((figure) => figure.toFixed(1))]
  }
  const rows = sequences.flatMap(({ sequence, objects }) =>
    objects.map((scores, i) => row(sequence, String(i + 1), scores)),
  )
  return table(HEAD, [...rows, row('all', String(rows.length), overall)])
}
