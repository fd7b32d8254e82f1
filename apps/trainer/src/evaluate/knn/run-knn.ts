import type { FewShot, KnnAccuracy } from '@dino/eval'
import type { KnnOptions } from '../../commands/eval-knn.js'
import { productsOf } from '../../config/precision.js'
import { loadAnyBackbone } from '../../inspect/backbone.js'
import { type FeatureTable, openFeatures } from '../../inspect/features.js'
import { counter } from '../../report/counter.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { imagesOf, type TrainImages } from '../../train/images.js'
import { cachedFeatures, cacheFolder } from '../feature-cache.js'
import { writeResult } from '../result.js'
import { labelled, openSplits } from '../splits.js'
import {
  type FewShotScores,
  fewShotScores,
  type KnnSettings,
  knnScores,
  type LabelledRows,
  type Spread,
} from './knn-scores.js'

/** Seeds of a few-shot score unless told otherwise. */
const SEEDS = 5

/** `dino eval knn`: features of train/ vote on val/, or those of one folder on each other; nothing is trained in between. */
export async function runKnn(options: KnnOptions, io: TrainIO): Promise<number> {
  checkFlags(options)
  const { train, val, valLabels, names } = await openData(options, io)
  const backbone = await loadAnyBackbone(options.checkpoint, options.network)
  const size = options.imageSize ?? backbone.imageSize
  const { session, embed } = await openFeatures(backbone, {
    engine: options.engine,
    size,
    precision: productsOf(options),
    io,
  })
  try {
    const folder = cacheFolder(backbone, options.cacheDir)
    const { background } = backbone
    const featuresOf = (what: string, images: TrainImages) => {
      const indices = labelled(images)
      return cachedFeatures(
        images,
        {
          backbone,
          layers: options.precision === 'bf16' ? 'cls bf16' : 'cls',
          what,
          folder,
          embed,
          size,
          background,
          indices,
        },
        io,
      )
    }
    const voters = rowsOf(await featuresOf(val ? 'train' : 'images', train), train.labels!)
    const asked = val && rowsOf(await featuresOf('val', val), valLabels!)
    checkRows(options.data, voters, asked)

    const { k, temperature, perClass } = options
    const count = counter(io, 'k-NN: million pairs')
    const onProgress = (done: number, total: number) => count.update(Math.ceil(done / 1e6), Math.ceil(total / 1e6))
    const settings: KnnSettings = { k, temperature, classes: names.length, perClass, signal: io.signal, onProgress }
    const parts: FewShot[] = [
      ...(options.shots ?? []).map((shots) => ({ shots })),
      ...(options.fraction ?? []).map((fraction) => ({ fraction })),
    ]
    const seeds = options.seeds ?? SEEDS
    const few: FewShotScores[] = []
    for (const part of parts) few.push(await fewShotScores(session, voters, asked!, part, { ...settings, seeds }))
    const whole = parts.length === 0 ? await knnScores(session, voters, asked, settings) : undefined
    count.stop()

    const result = {
      checkpoint: backbone.path,
      network: options.network,
      data: options.data,
      imageSize: size,
      precision: options.precision,
      temperature,
      ...(options.leaveOneOut && { leaveOneOut: true }),
      train: voters.features.rows,
      ...(asked && { val: asked.features.rows }),
      ...(whole && { knn: named(whole, names) }),
      ...(parts.length > 0 && { seeds, fewShot: few }),
    }
    sayClipped(io, k, few.length > 0 ? few.map((part) => part.train) : [voters.features.rows - (asked ? 0 : 1)])
    if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
    else io.stdout.write(`${few.length > 0 ? fewShotTable(few) : wholeTable(whole!, k, names)}\n`)
    await writeResult(backbone, 'knn', result, options)
    return 0
  } finally {
    await session.close()
  }
}

function checkFlags({ shots, fraction, seeds, leaveOneOut, perClass }: KnnOptions): void {
  const few = shots ? '--shots' : fraction ? '--fraction' : undefined
  if (few && leaveOneOut) throw new Failure(`${few} draws from train/, and --leave-one-out has none. Leave one out.`, 2)
  if (few && perClass)
    throw new Failure(`--per-class is a table of one score, and ${few} gives several. Leave one out.`, 2)
  if (!few && seeds !== undefined) throw new Failure('--seeds is of --shots and --fraction: add one of them.', 2)
}

interface Data {
  train: TrainImages
  val?: TrainImages
  /** In the numbers of `names`. */
  valLabels?: Int32Array
  names: readonly string[]
}

async function openData({ data, leaveOneOut }: KnnOptions, io: TrainIO): Promise<Data> {
  if (!leaveOneOut) {
    const { train, val, valLabels } = await openSplits('k-NN', data, io)
    return { train, val, valLabels, names: [...new Set([...train.classes, ...val.classes])] }
  }
  const images = await imagesOf(data, io)
  if (!images.labels) {
    throw new Failure(
      `--data ${data} has no classes. --leave-one-out needs one folder with a sub-folder for each class:\n  ${data}/\n    cats/  1.jpg …\n    dogs/  1.jpg …`,
      2,
    )
  }
  if (images.classes.join() === 'train,val') {
    throw new Failure(
      `--data ${data} holds train/ and val/: leave out --leave-one-out, or give one of them as --data.`,
      2,
    )
  }
  return { train: images, names: images.classes }
}

function rowsOf({ data, rows, dim, indices }: FeatureTable, labels: Int32Array): LabelledRows {
  return { features: { data, rows, dim }, labels: indices.map((index) => labels[index]!) }
}

function checkRows(data: string, voters: LabelledRows, asked: LabelledRows | undefined): void {
  const least = asked ? 1 : 2
  const found = Math.min(voters.features.rows, asked?.features.rows ?? least)
  if (found >= least) return
  throw new Failure(
    `--data ${data}: k-NN needs ${asked ? 'an image in train/ and in val/' : 'two images'} that can be read.`,
  )
}

function sayClipped(io: TrainIO, k: readonly number[], sizes: readonly number[]): void {
  for (const size of new Set(sizes)) {
    const more = k.filter((each) => each > size)
    if (more.length > 0)
      io.stderr.write(`k = ${more.join(', ')}: there are ${size} images to vote, and all of them do.\n`)
  }
}

/** Classes by their names. */
function named(scores: Record<number, KnnAccuracy>, names: readonly string[]) {
  const entries = Object.entries(scores).map(([k, { perClass, ...score }]) => [
    k,
    perClass
      ? {
          ...score,
          perClass: perClass.map(({ class: label, confusedWith, ...own }) => ({
            class: names[label]!,
            ...own,
            ...(confusedWith && { confusedWith: { class: names[confusedWith.class]!, rows: confusedWith.rows } }),
          })),
        }
      : score,
  ])
  return Object.fromEntries(entries)
}

function wholeTable(scores: Record<number, KnnAccuracy>, ks: readonly number[], names: readonly string[]): string {
  const rows = Object.entries(scores).map(([k, { top1, top5 }]) => [k, top1.toFixed(2), top5.toFixed(2)])
  const whole = table(['k', 'top-1 %', 'top-5 %'], rows)
  const { perClass } = scores[ks[0]!]!
  if (!perClass) return whole
  const classes = [...perClass].sort((a, b) => a.top1 - b.top1)
  const lines = classes.map(({ class: label, support, top1, top5, confusedWith }) => [
    names[label]!,
    String(support),
    top1.toFixed(2),
    top5.toFixed(2),
    confusedWith ? `${names[confusedWith.class]} (${confusedWith.rows})` : '',
  ])
  const mean = classes.reduce((sum, { top1 }) => sum + top1, 0) / classes.length
  const head = ['class', 'images', 'top-1 %', 'top-5 %', 'most confused with']
  return `${whole}\n\nk = ${ks[0]}, the worst class first; mean of the classes ${mean.toFixed(2)} %\n\n${table(head, lines)}`
}

function fewShotTable(parts: readonly FewShotScores[]): string {
  const percent = ({ mean, std }: Spread) => `${mean.toFixed(2)} ± ${std.toFixed(2)}`
  const rows = parts.flatMap((part) =>
    Object.entries(part.knn).map(([k, { top1, top5 }]) => [
      'shots' in part ? `${part.shots} a class` : `${+(100 * part.fraction).toPrecision(6)} %`,
      String(part.train),
      k,
      percent(top1),
      percent(top5),
    ]),
  )
  return table(['of train/', 'images', 'k', 'top-1 %', 'top-5 %'], rows)
}
