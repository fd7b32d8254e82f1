import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { output } from '../child.js'
import { Failure } from '../failure.js'
import { maskSheet } from './attention-sheet.js'
import type { Chart } from './chart.js'
import { order } from './claims.js'
import { dataOf } from './data.js'
import { dryRunText } from './dry-run.js'
import { shown } from './experiment.js'
import { attentionExperiment } from './experiments.js'
import { plan, type Run } from './plan.js'
import { type Report, type ReportRow, report, seedsNote } from './report.js'
import { outcomesOf, resultOf } from './result.js'
import { runPlan } from './run-plan.js'
import { scaleIn } from './scale.js'
import {
  chosenRows,
  commandOf,
  INTERRUPTED,
  onSignals,
  type Streams,
  threadsOf,
  type VerbFlags,
  writeReport,
} from './verb.js'

export interface AttentionFlags extends VerbFlags {
  /** Folder of Pascal VOC: images and outlines of their objects. The embedded objects have outlines of their own. */
  masks?: string
}

/** Jaccard index of thresholded attention on VOC12, in each image of its best head, percent (figure 4). */
const PAPER: Record<string, number> = { dino: 45.9, untrained: 22.0, supervised: 27.3 }

/** Jaccard indices of one network, 0 to 1, as `dino eval attention` tells them. */
export interface Scored {
  bestHeadOfEachImage: number
  bestHead: number
  bestHeadIndex: number
  meanHead: number
}

/** Of each row its networks, one a seed. */
export type Found = ReadonlyMap<string, readonly Scored[]>

/** Images whose masks are drawn. */
const PICTURES = 6
/** Of the attention a mask holds (figure 3). */
const THRESHOLD = '0.6'

const VOC_LIST = 'ImageSets/Segmentation/val.txt'

const dinoCli = fileURLToPath(import.meta.resolve('@dino/trainer')).replace(/index\.js$/, 'cli.js')

/** Trains DINO and the same network on labels, then holds both and one that is untrained to the outline of objects. */
export async function runAttention(flags: AttentionFlags, streams: Streams): Promise<number> {
  const { stdout, stderr } = streams
  const scale = scaleIn(flags)
  const experiment = chosenRows(attentionExperiment, flags.only)
  if (flags.dryRun) {
    stdout.write(`${dryRunText(experiment, scale, flags)}Then held to ${outlines(flags)}.\n`)
    return 0
  }
  checkMasks(flags)
  const out = resolve(flags.out, scale.name)
  const data = await dataOf(flags, scale, out, stderr)
  const runs = plan(experiment, scale, flags.seeds, { out, data, threads: threadsOf(flags) })
  const signal = onSignals()
  const { measures } = experiment
  const end = await runPlan(runs, { data: data.folder, measures, jobs: flags.jobs, stderr, signal })

  if (end.interrupted) {
    stderr.write(INTERRUPTED)
    return 130
  }

  const finished = runs.filter(resultOf)
  const truth = { masks: flags.masks, val: join(data.folder, 'val'), size: 2 * runs[0]!.config.globalCropsSize }
  const found = await scoresOf(finished, truth).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  if (!found || signal.aborted) {
    stderr.write(INTERRUPTED)
    return 130
  }
  const made = report(experiment, scale, runs, {
    outcomes: outcomesOf(experiment.rows, runs),
    data,
    seeds: flags.seeds,
    command: commandOf(experiment, flags),
    charts: finished.length > 0 ? [await sheetOf(finished, found, truth, join(out, 'attention'))] : [],
  })
  await writeReport(attentionReport(made, found, outlines(flags)), flags, out, streams)
  return end.failed > 0 ? 1 : 0
}

/** Before anything is trained. */
function checkMasks({ masks, data }: AttentionFlags): void {
  const expected = `Expected Pascal VOC as it is distributed:\n  ${masks ?? 'DIR'}/${VOC_LIST}\n  ${masks ?? 'DIR'}/JPEGImages/*.jpg\n  ${masks ?? 'DIR'}/SegmentationClass/*.png`
  if (masks === undefined) {
    if (data === undefined) return // the embedded objects, or a scale that asks for --data
    throw new Failure(`--masks DIR is missing: --data has no outlines of objects. ${expected}`, 2)
  }
  const lacking = (folder: string) =>
    [VOC_LIST, 'JPEGImages', 'SegmentationClass'].filter((part) => !existsSync(join(folder, part)))
  const missing = lacking(masks)
  if (missing.length === 0) return
  const inside = ['VOC2012', 'VOCdevkit/VOC2012'].find((name) => lacking(join(masks, name)).length === 0)
  const hint = inside ? `Do you mean ${join(masks, inside)}?` : expected
  throw new Failure(`--masks ${masks}: ${missing.join(', ')} missing. ${hint}`, 2)
}

/** What networks are held to, and how large they see it. */
interface Truth {
  masks: string | undefined
  /** Folder of the validation images, with outlines if there are no masks. */
  val: string
  /** Pixels: twice what training had, twice as many patches a side, finer masks. */
  size: number
}

async function scoresOf(runs: readonly Run[], { masks, val, size }: Truth): Promise<Found> {
  const found = new Map<string, Scored[]>()
  const [first, ...others] = runs.map(weightsOf)
  if (first === undefined) return found
  const { networks } = await ask<{ networks: (Scored & { checkpoint: string })[] }>(
    ...['eval', 'attention', first, ...others.flatMap((path) => ['--compare', path])],
    ...(masks === undefined ? ['--data', val, '--masks', 'alpha'] : ['--data', masks]),
    ...['--image-size', String(size), '--threshold', THRESHOLD],
  )
  for (const [i, { row }] of runs.entries()) {
    const { checkpoint: _, ...scored } = networks[i]! // a path of this machine, and reports are passed on
    found.set(row.name, [...(found.get(row.name) ?? []), scored])
  }
  return found
}

/** Some images, and what the head that is best on average looks at: of each row's first network. */
async function sheetOf(runs: readonly Run[], found: Found, truth: Truth, folder: string): Promise<Chart> {
  const { masks, val, size } = truth
  const images = masks === undefined ? someImages(val) : vocImages(masks)
  const square = (path: string) => sharp(path).resize(size, size, { fit: 'fill' }).png().toBuffer()
  const columns = [{ title: 'image', pictures: await Promise.all(images.map(square)) }]
  for (const [name, [scored]] of found) {
    const run = runs.find(({ row }) => row.name === name)!
    const drawn = await ask<{ images: { files: string[] }[] }>(
      ...['attention', ...images, '--checkpoint', weightsOf(run), '--output-dir', join(folder, name)],
      ...['--image-size', String(size), '--threshold', THRESHOLD],
    )
    const mask = `mask_th${THRESHOLD}_head${scored!.bestHeadIndex}.png`
    const files = drawn.images.map(({ files }) => files.find((file) => file.endsWith(mask))!)
    columns.push({ title: run.row.title, pictures: await Promise.all(files.map(square)) })
  }
  return { title: `What holds ${THRESHOLD} of the attention of each best single head`, svg: maskSheet(columns) }
}

function weightsOf({ folder, supervisedLr }: Run): string {
  return supervisedLr === undefined ? folder : join(folder, 'weights.safetensors')
}

/** What `dino …` says as JSON. */
async function ask<T>(...args: string[]): Promise<T> {
  return JSON.parse(await output(process.execPath, [dinoCli, ...args, '--json'])) as T
}

/** Of each class the first, then of each the second, until there are enough. */
function someImages(folder: string): string[] {
  const classes = readdirSync(folder)
    .sort()
    .map((name) =>
      readdirSync(join(folder, name))
        .sort()
        .map((file) => join(folder, name, file)),
    )
  const most = Math.max(...classes.map(({ length }) => length))
  const inTurn = Array.from({ length: most }, (_, i) => classes.flatMap((files) => files[i] ?? [])).flat()
  return inTurn.slice(0, PICTURES)
}

function vocImages(folder: string): string[] {
  const names = readFileSync(join(folder, VOC_LIST), 'utf8').split(/\s+/).filter(Boolean)
  return names.slice(0, PICTURES).map((name) => join(folder, 'JPEGImages', `${name}.jpg`))
}

/** Where the truth is, for people. */
function outlines({ masks, scale }: Pick<AttentionFlags, 'masks' | 'scale'>): string {
  if (masks !== undefined) return 'the objects of Pascal VOC in --masks'
  return scale === 'tiny' ? 'what is not transparent of the embedded objects' : '--masks DIR, a folder of Pascal VOC'
}

/** A table of the bench with Jaccard indices for its columns. @param truth what attention was held to */
export function attentionReport(
  made: Report,
  found: Found,
  truth: string,
): Report & { rows: (ReportRow & { attention: readonly Scored[] })[] } {
  const percents = (name: string, of: Exclude<keyof Scored, 'bestHeadIndex'>) =>
    (found.get(name) ?? []).map((scored) => 100 * scored[of])
  const claim = (better: string, worse: string, text: string): Report['claims'][number] => {
    const [high, low] = [percents(better, 'bestHeadOfEachImage'), percents(worse, 'bestHeadOfEachImage')]
    if (high.length === 0 || low.length === 0) return { text, verdict: 'not measured', because: '' }
    const sign = order(high, low)
    return {
      text,
      verdict: sign > 0 ? 'holds' : sign < 0 ? 'does not hold' : 'undecided',
      because: `${shown(high)} against ${shown(low)}; the paper's ${PAPER[better]!.toFixed(1)} against ${PAPER[worse]!.toFixed(1)}`,
    }
  }
  const { seeds, scale } = made
  return {
    ...made,
    columns: [
      'best head of each image, Jaccard %',
      'best head of each image, paper',
      'best single head',
      'average of the heads',
    ],
    rows: made.rows.map((row) => ({
      ...row,
      cells: [
        shown(percents(row.name, 'bestHeadOfEachImage')),
        PAPER[row.name]!.toFixed(1),
        shown(percents(row.name, 'bestHead')),
        shown(percents(row.name, 'meanHead')),
      ],
      attention: found.get(row.name) ?? [],
    })),
    claims: [
      claim('dino', 'supervised', 'Attention after DINO covers objects better than after training on labels'),
      claim('dino', 'untrained', 'Attention after DINO covers objects better than that of untrained weights'),
      claim(
        'supervised',
        'untrained',
        'Attention after training on labels covers them better than that of untrained weights',
      ),
    ],
    notes: [
      `The paper's numbers are of Pascal VOC 2012 and a ViT-S/16; ours of scale ${scale!.name}, held to ${truth}. Compare the order of rows.`,
      'The paper counts the best head of each image, which its outline chooses. The best single head is that of the best mean over images; the average of the heads is one map.',
      'The networks are the same and trained for as many epochs; images are shown at twice the size of training.',
      seedsNote(seeds),
    ],
  }
}
