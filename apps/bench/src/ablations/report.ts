import { kebab, printed } from '@dino/trainer'
import type { Chart } from './chart.js'
import type { Verdict } from './claims.js'
import type { Data } from './data.js'
import { type Experiment, mean, type Outcome, type Row, shown, spread } from './experiment.js'
import type { Machine } from './machine.js'
import { difference, type Run } from './plan.js'
import { failureOf, resultOf } from './result.js'
import type { Scale } from './scale.js'

/** A table of the paper beside ours, as data: what Markdown, HTML and JSON print. */
export interface Report {
  name: string
  title: string
  source: string
  /** Of what is trained; a measurement alone has none. */
  scale?: { name: string; summary: string }
  /** Runs of each row. */
  seeds: number
  /** The command that makes it again. */
  command: string
  columns: string[]
  rows: ReportRow[]
  claims: { text: string; verdict: Verdict['verdict'] | 'not measured'; because: string }[]
  charts: Chart[]
  machine?: Machine
  notes: string[]
}

export interface ReportRow {
  name: string
  title: string
  cells: string[]
  /** Settings that differ from the row above, as flags; of the first row, from the scale's base. */
  settings: string[]
  note?: string
  failed?: string
  outcome?: Outcome
}

const words = { knn: 'k-NN', linear: 'linear' }

export function report(
  experiment: Experiment,
  scale: Scale,
  runs: readonly Run[],
  {
    outcomes,
    seeds,
    command,
    data,
    charts,
  }: {
    outcomes: ReadonlyMap<string, Outcome>
    seeds: number
    command: string
    data: Pick<Data, 'name' | 'train' | 'val'>
    charts: Chart[]
  },
): Report {
  const { measures, cost = false } = experiment
  const first = experiment.rows[0]!
  const rows = experiment.rows.map((row, i): ReportRow => {
    const outcome = outcomes.get(row.name)
    const own = runs.filter((run) => run.row.name === row.name)
    const result = own.map(resultOf).find(Boolean)
    const failed = own.map(failureOf).find((said) => said !== undefined)
    return {
      name: row.name,
      title: row.title,
      cells: [
        ...measures.flatMap((measure) => [outcome ? shown(outcome[measure]) : '-', paper(row.paper?.[measure])]),
        result ? String(result.steps) : '-',
        ...(cost ? costCells(row, first, outcomes) : [outcome?.seconds.length ? duration(mean(outcome.seconds)) : '-']),
      ],
      settings: differenceText(row, experiment.rows[i - 1], scale),
      ...(row.note && { note: row.note }),
      ...(failed !== undefined && { failed: reasonOf(failed) }),
      ...(outcome && { outcome }),
    }
  })
  const machine = machinesOf(runs)
  return {
    name: experiment.name,
    title: experiment.title,
    source: experiment.source,
    scale: { name: scale.name, summary: scale.summary },
    seeds,
    command,
    columns: [
      ...measures.flatMap((measure) => [`${words[measure]} %`, `${words[measure]} %, paper`]),
      'steps',
      ...(cost ? COST_COLUMNS : ['time']),
    ],
    rows,
    claims: experiment.claims.map((claim) => {
      const verdict = claim.holds((name) => outcomes.get(name))
      if (!verdict) return { text: claim.text, verdict: 'not measured' as const, because: '' }
      return { text: claim.text, ...verdict }
    }),
    charts,
    ...(machine && { machine }),
    notes: notes(scale, seeds, data, cost),
  }
}

/** What made the runs; where they differ, all of it. */
function machinesOf(runs: readonly Run[]): Machine | undefined {
  const found = runs.flatMap((run) => resultOf(run)?.machine ?? [])
  const [first] = found
  if (!first) return undefined
  const all = (key: 'engine' | 'cpu' | 'node' | 'commit') =>
    [...new Set(found.map((each) => each[key].trim()))].join(', ')
  return { engine: all('engine'), cpu: all('cpu'), cores: first.cores, node: all('node'), commit: all('commit') }
}

/** What a reader has to know before comparing. */
function notes(
  scale: Scale,
  seeds: number,
  { name, train, val }: Pick<Data, 'name' | 'train' | 'val'>,
  cost: boolean,
): string[] {
  return [
    scale.name === 'imagenet'
      ? "The paper's settings as far as they are known: --dry-run says of each row where they are not, or are others. Its numbers are of 16 GPUs in fp16, ours of the machine named below."
      : `The scales differ: the paper's numbers are of ImageNet-1k and a ViT-S/16 trained for 100 to 300 epochs; ours of ${scale.summary}. ` +
        'Compare the order of rows, not the numbers. Rows are named as in the paper; what they are here is in their last column.',
    `Images: ${name}, ${train} to train on and ${val} to score.`,
    seedsNote(seeds),
    'k-NN is the teacher, k = 20, T = .07; a linear probe chooses its learning rate on held-out training images.',
    cost
      ? 'Time and memory are of training alone, every row in turn with the machine to itself, times the steps of the row.'
      : 'Time is of training, beside whatever else the machine did.',
  ]
}

/** How far a difference can be trusted. */
export function seedsNote(seeds: number): string {
  return seeds > 1
    ? `Ours is the mean of ${seeds} seeds ± their standard deviation. Undecided: a difference below twice its standard error, which chance makes as well.`
    : 'One seed: a small difference may be chance. --seeds 3 tells more.'
}

/** What a row is trained with, as flags, where that is not what another one is; undefined: the scale's base. */
export function differenceText(row: Row, before: Row | undefined, scale: Scale): string[] {
  const flags = difference(row, before, scale).map(([key, value]) =>
    value === undefined ? `no --${kebab(key)}` : `--${kebab(key)} ${printed(value)}`,
  )
  return row.supervised ? ['dino eval finetune random', ...flags] : flags
}

/** The last thing that a failed run said, without where on this machine. */
function reasonOf(said: string): string {
  const last = said.trim().split('\n').at(-1)
  return last ? last.replace(/(?:\/[\w.-]+)+\//g, '…/') : 'it said nothing'
}

const COST_COLUMNS = ['time', 'images/s', 'speed, to the first', 'time, to the first', 'GB', 'memory, to the first']

function costCells(row: Row, first: Row, outcomes: ReadonlyMap<string, Outcome>): string[] {
  const [own, base] = [outcomes.get(row.name)?.cost, outcomes.get(first.name)?.cost]
  if (!own) return COST_COLUMNS.map(() => '-')
  const beside = (ours: string, theirs: number | undefined) => (theirs ? `${ours} (paper ${theirs.toFixed(2)})` : ours)
  const over = (one: number | undefined, other: number | undefined) => (one && other ? one / other : undefined)
  const ratio = (one: number, other: number | undefined, theirs: number | undefined) =>
    beside(other ? (one / other).toFixed(2) : '-', theirs)
  const [paperOwn, paperBase] = [row.paperCost, first.paperCost]
  // The paper's speed is of the network alone: beside training, only how it falls compares.
  const falls = over(row.paperThroughput, first.paperThroughput)
  return [
    duration(own.seconds),
    own.imagesPerSecond.toFixed(1),
    ratio(own.imagesPerSecond, base?.imagesPerSecond, falls),
    ratio(own.seconds, base?.seconds, over(paperOwn?.hours, paperBase?.hours)),
    own.gigabytes.toFixed(2),
    ratio(own.gigabytes, base?.gigabytes, over(paperOwn?.gigabytes, paperBase?.gigabytes)),
  ]
}

function paper(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(1)
}

function duration(seconds: number): string {
  if (seconds === 0) return '-'
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

/** The settings that a row differs by, or why it failed; undefined for a table whose rows are no trainings. */
export function lastColumn({ rows }: Report): string | undefined {
  return rows.some(({ settings, failed }) => failed || settings.length > 0) ? 'set, beside the row above' : undefined
}

/** As JSON: all that the tables are made of. */
export function toJson(report: Report): string {
  const rows = report.rows.map(({ outcome, ...row }) => ({
    ...row,
    ...(outcome && { outcome, spread: { knn: spread(outcome.knn), linear: spread(outcome.linear) } }),
  }))
  const charts = report.charts.map(({ title, spec }) => ({ title, spec }))
  return `${JSON.stringify({ ...report, rows, charts }, null, 2)}\n`
}
