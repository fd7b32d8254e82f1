import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { output } from '../child.js'
import { maskSheet } from './attention-sheet.js'
import { dataOf } from './data.js'
import { attentionExperiment } from './experiments.js'
import { plan, type Run } from './plan.js'
import type { Report } from './report.js'
import { resultOf } from './result.js'
import { runPlan } from './run-plan.js'
import { type Scale, scaleIn } from './scale.js'
import { commandOf, onSignals, type Streams, threadsOf, type VerbFlags, writeReport } from './verb.js'

/** Jaccard index of thresholded attention on VOC12, percent (figure 4). */
const PAPER = { random: 22.0, supervised: 27.3, dino: 45.9 }
const TITLES = { random: 'untrained weights', supervised: 'supervised', dino: 'DINO' }
const NETWORKS = ['random', 'supervised', 'dino'] as const

type Network = (typeof NETWORKS)[number]

/** Jaccard indices, 0 to 1, as `dino eval attention` tells them. */
interface Scored {
  bestHead: number
  bestHeadIndex: number
  meanHead: number
}

/** Images whose masks are drawn. */
const PICTURES = 6
/** Of the attention a mask holds (figure 3). */
const THRESHOLD = '0.6'

const dinoCli = fileURLToPath(import.meta.resolve('@dino/trainer')).replace(/index\.js$/, 'cli.js')

/** Trains DINO and the same network on labels, then holds both and one that is untrained to the outline of objects. */
export async function runAttention(flags: VerbFlags, streams: Streams): Promise<number> {
  const { stderr } = streams
  const scale = scaleIn(flags)
  const out = resolve(flags.out, scale.name)
  const given = await dataOf(flags, scale, out, stderr)
  const data = given.folder
  const runs = plan(attentionExperiment, scale, 1, { out, data: given, threads: threadsOf(flags) })
  const signal = onSignals()
  const end = await runPlan(runs, { data, measures: ['knn'], jobs: flags.jobs, stderr, signal })
  if (signal.aborted) return 130
  if (end.failed > 0) return 1
  const [dino, untrained, supervised] = runs as [Run, Run, Run]

  const weights: Record<Network, string> = {
    dino: dino.folder,
    random: untrained.folder,
    supervised: join(supervised.folder, 'weights.safetensors'),
  }
  const others = [weights.supervised, weights.random].flatMap((path) => ['--compare', path])
  const masks = flags.data === undefined ? ['--data', join(data, 'val'), '--masks', 'alpha'] : ['--data', data]
  const size = ['--image-size', String(2 * dino.config.globalCropsSize)] // twice as many patches a side: finer masks
  const scores = await ask<{ networks: Scored[] }>('eval', 'attention', weights.dino, ...masks, ...size, ...others)
  const found = { dino: scores.networks[0]!, supervised: scores.networks[1]!, random: scores.networks[2]! }

  const images = someImages(join(data, 'val'), PICTURES)
  const columns = [{ title: 'image', pictures: await Promise.all(images.map((path) => readFile(path))) }]
  for (const network of NETWORKS) {
    const folder = join(out, 'attention', network)
    const drawn = await ask<{ images: { files: string[] }[] }>(
      ...['attention', ...images, '--checkpoint', weights[network], '--output-dir', folder],
      ...[...size, '--threshold', THRESHOLD],
    )
    const mask = `mask_th${THRESHOLD}_head${found[network].bestHeadIndex}.png`
    const files = drawn.images.map(({ files }) => files.find((file) => file.endsWith(mask))!)
    columns.push({ title: TITLES[network], pictures: await Promise.all(files.map((file) => readFile(file))) })
  }
  const report = attentionReport(found, {
    command: commandOf(attentionExperiment, flags),
    scale,
    sheet: maskSheet(columns),
    machine: resultOf(dino)?.machine,
  })
  await writeReport(report, flags, out, streams)
  return 0
}

/** What `dino …` says as JSON. */
async function ask<T>(...args: string[]): Promise<T> {
  return JSON.parse(await output(process.execPath, [dinoCli, ...args, '--json'])) as T
}

/** Of each class the first, then of each the second, until there are enough. */
function someImages(folder: string, count: number): string[] {
  const classes = readdirSync(folder)
    .sort()
    .map((name) =>
      readdirSync(join(folder, name))
        .sort()
        .map((file) => join(folder, name, file)),
    )
  const most = Math.max(...classes.map(({ length }) => length))
  const inTurn = Array.from({ length: most }, (_, i) => classes.flatMap((files) => files[i] ?? [])).flat()
  return inTurn.slice(0, count)
}

export function attentionReport(
  found: Record<Network, Scored>,
  {
    command,
    scale,
    sheet,
    machine,
  }: { command: string; scale: Pick<Scale, 'name' | 'summary'>; sheet: string; machine: Report['machine'] },
): Report {
  const percent = (value: number) => (100 * value).toFixed(1)
  const claim = (better: Network, worse: Network, text: string): Report['claims'][number] => ({
    text,
    verdict: found[better].bestHead > found[worse].bestHead ? 'holds' : 'does not hold',
    because: `${percent(found[better].bestHead)} against ${percent(found[worse].bestHead)}`,
  })
  const { name, title, source } = attentionExperiment
  return {
    name,
    title,
    source,
    scale: { name: scale.name, summary: scale.summary },
    seeds: 1,
    command,
    columns: ['best head, Jaccard %', 'best head, paper', 'mean of the heads'],
    rows: NETWORKS.map((network) => ({
      name: network,
      title: TITLES[network],
      cells: [percent(found[network].bestHead), PAPER[network].toFixed(1), percent(found[network].meanHead)],
      settings: [],
    })),
    claims: [
      claim('dino', 'supervised', 'Attention after DINO covers objects better than after training on labels'),
      claim(
        'supervised',
        'random',
        'Attention after training on labels covers them better than that of untrained weights',
      ),
    ],
    charts: [{ title: `What holds ${THRESHOLD} of the attention of each best head`, svg: sheet }],
    ...(machine && { machine }),
    notes: [
      `The paper's numbers are of Pascal VOC 2012 and a ViT-S/16; ours of ${scale.summary}. Compare the order of rows.`,
      'Both networks are the same and trained for as many epochs; images are shown at twice the size of training.',
    ],
  }
}
