import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { linear as defaults } from '@dino/eval/defaults'
import type { LinearOptions } from '../../commands/eval-linear.js'
import { type AnyBackbone, loadAnyBackbone } from '../../inspect/backbone.js'
import type { FeatureLayers } from '../../inspect/embed.js'
import { openFeatures } from '../../inspect/features.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import type { TrainImages } from '../../train/images.js'
import { cachedFeatures, cacheFolder, cacheKey } from '../feature-cache.js'
import { writeResult } from '../result.js'
import { type Rows, tableRows } from '../rows.js'
import { labelled, openLabelled, openSplits, relabelled } from '../splits.js'
import { scoreProbe } from './fit-probe.js'
import { fitAugmented } from './linear-augmented.js'
import { layersEmbedder, layersFor, layersName } from './linear-layers.js'
import { choiceText, sweepTable } from './linear-report.js'
import { fitOne, sweep } from './linear-sweep.js'
import { readLinearWeights, writeLinearWeights } from './linear-weights.js'
import { openProbe, type ProbeScore, type ProbeWeights } from './probe.js'

/** What is scored on what, and where its classifier comes from. */
interface Plan {
  layers: FeatureLayers
  val: TrainImages
  valLabels: Int32Array
  /** Names of all classes that the classifier tells apart. */
  classes: string[]
  classifier(network: Network, val: Rows): Promise<Classifier>
}

interface Classifier {
  weights: ProbeWeights
  /** How it came about, for people. */
  text: string
  /** The same for programs, beside the settings that all have. */
  result: object
}

/** A backbone in a session. */
interface Network extends Awaited<ReturnType<typeof openFeatures>> {
  size: number
  /** Features of the labelled images, kept where features are kept. */
  featuresOf(what: string, images: TrainImages, labels: Int32Array): Promise<Rows>
}

/** `dino eval linear`: a linear classifier on frozen features. */
export async function runLinear(options: LinearOptions, io: TrainIO): Promise<number> {
  refuseContradictions(options)
  try {
    const backbone = await loadAnyBackbone(options.checkpoint, options.network)
    const plan = await (options.weights === undefined ? toTrain : toScore)(options, backbone, io)
    return await carryOut(plan, options, backbone, io)
  } catch (error) {
    if (io.signal.aborted) return 130
    throw error
  }
}

function refuseContradictions({ augmented, weights, lr, standardize }: LinearOptions): void {
  const refuse = (reason: string) => {
    throw new Failure(reason, 2)
  }
  if (weights !== undefined) {
    const flag = augmented ? 'augmented' : lr ? 'lr' : standardize !== undefined ? 'standardize' : undefined
    if (flag) refuse(`--${flag} is for training, and --weights is scored as it is. Leave one out.`)
  }
  if (augmented && lr && lr.length > 1) {
    refuse(`--augmented takes one learning rate, got ${lr.length}. A call without --augmented finds it in minutes.`)
  }
  if (augmented && standardize) refuse('--standardize needs all features beforehand: it does not go with --augmented.')
}

async function toTrain(options: LinearOptions, backbone: AnyBackbone, io: TrainIO): Promise<Plan> {
  const { train, val, valLabels } = await openSplits('The linear probe', options.data, io)
  const classes = [...new Set([...train.classes, ...val.classes])]
  const layers = layersFor(backbone.config, options)
  const classifier = (network: Network, valRows: Rows) =>
    options.augmented
      ? trainAugmented(options, backbone, network, { train, valRows, classes, layers }, io)
      : trainOnFeatures(options, network, train, classes.length, io)
  return { layers, val, valLabels, classes, classifier }
}

async function trainOnFeatures(
  options: LinearOptions,
  { session, featuresOf }: Network,
  images: TrainImages,
  classes: number,
  io: TrainIO,
): Promise<Classifier> {
  const train = await featuresOf('train', images, images.labels!)
  const { epochs, batchSize, seed, lr: lrs = defaults.lrs } = options
  const standardize = options.standardize === undefined ? [false, true] : [options.standardize]
  const settings = { session, classes, epochs, batchSize, seed, io }
  const single = lrs.length * standardize.length === 1
  const tried = single ? undefined : await sweep(train, { ...settings, lrs, standardize })
  const best = tried?.best ?? { lr: lrs[0]!, standardize: standardize[0]! }
  const weights = await fitOne(train, best, settings)
  const { lr, standardize: standardized } = best
  return {
    weights,
    text: tried ? `${sweepTable(tried.trials)}\n\n${choiceText(tried)}` : choiceText({ best }),
    result: { train: train.count, lr, standardized, ...(tried && { heldOut: tried.heldOut, sweep: tried.trials }) },
  }
}

async function trainAugmented(
  options: LinearOptions,
  backbone: AnyBackbone,
  { session, embed, size }: Network,
  data: { train: TrainImages; valRows: Rows; classes: string[]; layers: FeatureLayers },
  io: TrainIO,
): Promise<Classifier> {
  const { train, valRows, classes, layers } = data
  const { epochs, batchSize, seed, numWorkers = availableParallelism() - 1 } = options
  const [lr = defaults.lr] = options.lr ?? []
  const { background } = backbone
  const folder = cacheFolder(backbone, options.cacheDir)
  const settings = JSON.stringify([layersName(layers), 'augmented', lr, epochs, batchSize, seed, classes])
  const key = cacheKey(backbone, settings, train, { size, background, indices: [] })
  const file = folder && join(folder, `augmented-${key}.safetensors`)
  if (!file) io.stderr.write('This training is not kept: with --cache-dir FOLDER it would go on after Ctrl-C.\n')
  const weights = await fitAugmented({
    ...{ session, embed, size, background, train, lr, epochs, batchSize, seed, numWorkers, file, io },
    classes: classes.length,
    val: valRows,
  })
  return { weights, text: `lr ${lr}, other crops in each epoch.`, result: { train: labelled(train).length, lr } }
}

async function toScore(options: LinearOptions, backbone: AnyBackbone, io: TrainIO): Promise<Plan> {
  const file = options.weights!
  const [val] = (await openLabelled('--weights', options.data, ['val'], io)) as [TrainImages]
  const { layers, classes: named, ...weights } = await readLinearWeights(file, backbone, options)
  const { labels, classes } = relabelled(val, named ?? val.classes)
  const C = weights['linear.bias'].shape[0]!
  if (classes !== C) {
    const theirs = named ? 'other classes than these weights' : `${val.classes.length} classes`
    throw new Failure(
      `${file} tells ${C} classes apart, and val/ has ${theirs}. The folders of val/ must be the classes that it was trained on.`,
      2,
    )
  }
  const classifier = async () => ({ weights, text: file, result: { weights: file } })
  return { layers, val, valLabels: labels, classes: named ?? [...val.classes], classifier }
}

/** Opens the network, gets the classifier, scores it, tells, writes. */
async function carryOut(
  { layers, val, valLabels, classes, classifier }: Plan,
  options: LinearOptions,
  backbone: AnyBackbone,
  io: TrainIO,
): Promise<number> {
  const size = options.imageSize ?? backbone.imageSize
  const embedder = layersEmbedder(layers)
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, embedder, io })
  const featuresOf = async (what: string, images: TrainImages, labels: Int32Array) => {
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
    const labelsOfRows = indices.map((index) => labels[index]!)
    return tableRows(data, dim, labelsOfRows)
  }
  try {
    const rows = await featuresOf('val', val, valLabels)
    const { weights, text, result } = await classifier({ session, embed, size, featuresOf }, rows)
    const probe = await openProbe({
      ...{ session, inDim: embed.width, classes: classes.length, weights },
      batch: Math.min(options.batchSize, rows.count),
    })
    const score = (await scoreProbe(probe, rows, options.batchSize))[0]!
    await tell(options, backbone, { layers, classes, size, rows, weights, text, result, score }, io)
    return 0
  } finally {
    await session.close()
  }
}

async function tell(
  options: LinearOptions,
  backbone: AnyBackbone,
  measured: Classifier & Pick<Plan, 'layers' | 'classes'> & { size: number; rows: Rows; score: ProbeScore },
  io: TrainIO,
): Promise<void> {
  const { layers, classes, size, rows, weights, text, result, score } = measured
  const { network, data, epochs, batchSize, seed, augmented } = options
  const trained = options.weights === undefined
  const all = {
    ...{ checkpoint: backbone.path, network, data, imageSize: size, ...layers },
    ...(trained && { augmented, epochs, batchSize, momentum: defaults.momentum, seed }),
    ...result,
    ...{ val: rows.count, classes: classes.length, ...score },
  }
  if (options.json) io.stdout.write(`${JSON.stringify(all)}\n`)
  else {
    const cells = [score.top1.toFixed(2), score.top5.toFixed(2), score.loss.toFixed(3)]
    io.stdout.write(`${text}\n\n${table(['val top-1 %', 'top-5 %', 'loss'], [cells])}\n`)
  }
  const file = await writeResult(backbone, 'linear', all, options)
  if (!file || !trained) return
  const weightsFile = `${file.replace(/\.json$/, '')}.safetensors`
  await writeLinearWeights(weightsFile, weights, { layers, classes, checkpoint: backbone.path })
  io.stderr.write(`Written: ${file} and ${weightsFile}\n`)
}
