import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { linear as defaults } from '@dino/eval/defaults'
import type { LinearOptions } from '../commands/eval-linear.js'
import { type AnyBackbone, loadAnyBackbone } from '../inspect/backbone.js'
import type { FeatureLayers } from '../inspect/embed.js'
import { openFeatures } from '../inspect/features.js'
import { Failure, type TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import type { TrainImages } from '../train/images.js'
import { cachedFeatures, cacheFolder, cacheKey } from './feature-cache.js'
import type { LabelledRows } from './fit-probe.js'
import { fitAugmented } from './linear-augmented.js'
import { layersEmbedder, layersFor, layersName } from './linear-layers.js'
import { fitted, type RateTrial, sweepRates } from './linear-sweep.js'
import { readLinearWeights, writeLinearWeights } from './linear-weights.js'
import { openProbe, type Probe, type ProbeScore } from './probe.js'
import { writeResult } from './result.js'
import { labelled, openLabelled, openSplits, relabelled } from './splits.js'

/** A backbone that is being measured. */
interface Measured extends Awaited<ReturnType<typeof openFeatures>> {
  backbone: AnyBackbone
  size: number
  layers: FeatureLayers
  /** Features with labels, kept where features are kept. */
  rowsOf(what: string, images: TrainImages, labels: Int32Array): Promise<LabelledRows>
}

/** What a command has to tell. */
interface Outcome {
  /** For people. */
  text: string
  /** Beside the settings. */
  result: object
  score: ProbeScore
  /** What was trained, with the names of its classes. */
  trained?: { probe: Probe; classes: string[] }
}

/** `dino eval linear`: a linear classifier on frozen features. */
export async function runLinear(options: LinearOptions, io: TrainIO): Promise<number> {
  refuseContradictions(options)
  try {
    const backbone = await loadAnyBackbone(options.checkpoint, options.network)
    return await (options.weights === undefined ? trainAndScore : scoreWeights)(options, backbone, io)
  } catch (error) {
    if (io.signal.aborted) return 130
    throw error
  }
}

function refuseContradictions({ augmented, weights, lr }: LinearOptions): void {
  if (weights !== undefined && augmented) {
    throw new Failure('--augmented is for training, and --weights is scored as it is. Leave one out.', 2)
  }
  if (weights !== undefined && lr) throw new Failure('--lr is for training, and --weights is scored as it is.', 2)
  if (augmented && lr && lr.length > 1) {
    throw new Failure(
      `--augmented takes one learning rate, got ${lr.length}. A call without --augmented finds it in minutes.`,
      2,
    )
  }
}

async function trainAndScore(options: LinearOptions, backbone: AnyBackbone, io: TrainIO): Promise<number> {
  const splits = await openSplits('The linear probe', options.data, io)
  const layers = layersFor(backbone.config, options)
  return measure(options, backbone, layers, io, async (measured) => {
    const { train, val, valLabels, classes } = splits
    const names = [...new Set([...train.classes, ...val.classes])]
    const valRows = await measured.rowsOf('val', val, valLabels)
    if (options.augmented) return augmented(options, measured, { train, valRows, names }, io)
    const trainRows = await measured.rowsOf('train', train, train.labels!)
    const lrs = options.lr ?? defaults.lrs
    const common = { ...options, session: measured.session, train: trainRows, classes, io }
    const sweep = lrs.length > 1 ? await sweepRates({ ...common, lrs }) : undefined
    const lr = sweep?.best ?? lrs[0]!
    const probe = await fitted(`lr ${lr}: epochs`, { ...common, lrs: [lr] })
    const [score] = await probe.score(valRows.data, valRows.labels)
    const { heldOut, trials } = sweep ?? {}
    return {
      text: sweep ? `${sweepTable(sweep.trials)}\n\n${choice(lr, lrs, sweep.heldOut)}` : `lr ${lr}`,
      result: { train: trainRows.labels.length, val: valRows.labels.length, classes, lr, heldOut, sweep: trials },
      score: score!,
      trained: { probe, classes: names },
    }
  })
}

async function augmented(
  options: LinearOptions,
  { backbone, session, embed, size, layers }: Measured,
  { train, valRows, names }: { train: TrainImages; valRows: LabelledRows; names: string[] },
  io: TrainIO,
): Promise<Outcome> {
  const { epochs, batchSize, seed, numWorkers = availableParallelism() - 1 } = options
  const [lr] = options.lr ?? [defaults.lr]
  const folder = cacheFolder(backbone, options.cacheDir)
  const { background } = backbone
  const settings = JSON.stringify([layersName(layers), 'augmented', lr, epochs, batchSize, seed, names])
  const key = cacheKey(backbone, settings, train, { size, background, indices: [] })
  const file = folder && join(folder, `augmented-${key}.safetensors`)
  if (!file) io.stderr.write('This training is not kept: with --cache-dir FOLDER it would go on after Ctrl-C.\n')
  const probe = await fitAugmented({
    ...{ session, embed, size, background, train, epochs, batchSize, seed, numWorkers, file, io },
    classes: names.length,
    lr: lr!,
    val: valRows,
  })
  const [score] = await probe.score(valRows.data, valRows.labels)
  return {
    text: `lr ${lr}, augmented`,
    result: { train: labelled(train).length, val: valRows.labels.length, classes: names.length, lr },
    score: score!,
    trained: { probe, classes: names },
  }
}

async function scoreWeights(options: LinearOptions, backbone: AnyBackbone, io: TrainIO): Promise<number> {
  const [val] = (await openLabelled('--weights', options.data, ['val'], io)) as [TrainImages]
  const { layers, classes, ...weights } = await readLinearWeights(options.weights!, backbone, options)
  const C = weights.bias.shape[0]!
  const known = relabelled(val, classes ?? val.classes)
  if (known.classes !== C) {
    const theirs = classes ? 'other classes than these weights' : `${val.classes.length} classes`
    throw new Failure(
      `${options.weights} tells ${C} classes apart, and val/ has ${theirs}. The folders of val/ must be the classes that it was trained on.`,
      2,
    )
  }
  return measure(options, backbone, layers, io, async ({ session, embed, rowsOf }) => {
    const rows = await rowsOf('val', val, known.labels)
    const probe = await openProbe({
      session,
      inDim: embed.width,
      classes: C,
      batch: Math.min(options.batchSize, rows.labels.length),
      weights: { 'linear.weight': weights.weight, 'linear.bias': weights.bias },
    })
    const [score] = await probe.score(rows.data, rows.labels)
    return {
      text: `${options.weights}`,
      result: { weights: options.weights, val: rows.labels.length, classes: C },
      score: score!,
    }
  })
}

/** Opens the network, measures, tells and writes. */
async function measure(
  options: LinearOptions,
  backbone: AnyBackbone,
  layers: FeatureLayers,
  io: TrainIO,
  run: (measured: Measured) => Promise<Outcome>,
): Promise<number> {
  const size = options.imageSize ?? backbone.imageSize
  const embedder = layersEmbedder(layers)
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, embedder, io })
  const rowsOf = async (what: string, images: TrainImages, labels: Int32Array): Promise<LabelledRows> => {
    const { data, rows, dim, indices } = await cachedFeatures(
      images,
      {
        ...{ backbone, what, embed, size },
        layers: layersName(layers),
        folder: cacheFolder(backbone, options.cacheDir),
        background: backbone.background,
        indices: labelled(images),
      },
      io,
    )
    if (rows === 0) throw new Failure(`None of the labelled images of ${what}/ can be read.`)
    return { data, dim, labels: indices.map((index) => labels[index]!) }
  }
  try {
    const { text, result, score, trained } = await run({ backbone, session, embed, size, layers, rowsOf })
    const { network, data, epochs, batchSize, seed, augmented } = options
    const all = {
      ...{ checkpoint: backbone.path, network, data, imageSize: size, ...layers },
      ...(trained && { augmented, epochs, batchSize, momentum: defaults.momentum, seed }),
      ...result,
      ...score,
    }
    if (options.json) io.stdout.write(`${JSON.stringify(all)}\n`)
    else io.stdout.write(`${text}\n${table(['val top-1 %', 'top-5 %', 'loss'], [scoreCells(score)])}\n`)
    const file = await writeResult(backbone, 'linear', all, options)
    if (file && trained) {
      const weights = join(dirname(file), file.replace(/^.*[\\/]/, '').replace(/(\.json)?$/, '.safetensors'))
      const about = { layers, classes: trained.classes, checkpoint: backbone.path }
      await writeLinearWeights(weights, await trained.probe.weights(), about)
      io.stderr.write(`Written: ${file} and ${weights}\n`)
    }
    return 0
  } finally {
    await session.close()
  }
}

function sweepTable(trials: readonly RateTrial[]): string {
  const rows = trials.map(({ lr, ...score }) => [String(lr), ...scoreCells(score)])
  return table(['lr', 'held-out top-1 %', 'top-5 %', 'loss'], rows)
}

function scoreCells({ top1, top5, loss }: ProbeScore): string[] {
  return Number.isFinite(loss) ? [top1.toFixed(2), top5.toFixed(2), loss.toFixed(3)] : ['-', '-', 'diverged']
}

function choice(lr: number, lrs: readonly number[], heldOut: number): string {
  const edge = lr === Math.max(...lrs) ? 'larger' : lr === Math.min(...lrs) ? 'smaller' : undefined
  return (
    `lr ${lr}: the best on ${heldOut} held-out images of train/; then trained on all of it.` +
    (edge ? ` It is at the end of the sweep: try ${edge} ones with --lr.` : '')
  )
}
