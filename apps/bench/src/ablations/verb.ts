import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import { Failure } from '../failure.js'
import { type Chart, chart } from './chart.js'
import { benchCommand, unless } from './command.js'
import { comparisonChart, costChart } from './comparison-chart.js'
import { dataOf } from './data.js'
import { dryRunText } from './dry-run.js'
import type { Experiment, Outcome } from './experiment.js'
import { plan, type Run } from './plan.js'
import { type Report, report, toJson } from './report.js'
import { toHtml } from './report-html.js'
import { toMarkdown } from './report-markdown.js'
import { outcomesOf } from './result.js'
import { runPlan } from './run-plan.js'
import { type ScaleFlags, scaleIn } from './scale.js'
import { timeRows } from './timing.js'

export interface VerbFlags extends ScaleFlags {
  data?: string
  seeds: number
  jobs: number
  out: string
  only?: string
  /** Where Markdown, HTML, JSON and pictures go; the bench's folder unless given. */
  report?: string
  dryRun: boolean
  json: boolean
}

/** Rows that a chart of curves can tell apart. */
const MOST_LINES = 10

export const INTERRUPTED = 'Interrupted: what was trained is saved. The same command goes on.\n'

export interface Streams {
  stdout: { write(text: string): unknown }
  stderr: { write(text: string): unknown }
}

/** Reproduces one table or figure: its runs, then its report. @returns exit code */
export async function runVerb(experiment: Experiment, flags: VerbFlags, { stdout, stderr }: Streams): Promise<number> {
  const scale = scaleIn(flags)
  const chosen = chosenRows(experiment, flags.only)
  const out = resolve(flags.out, scale.name)
  if (flags.dryRun) {
    stdout.write(dryRunText(chosen, scale, flags))
    return 0
  }
  const data = await dataOf(flags, scale, out, stderr)
  const runs = plan(chosen, scale, flags.seeds, { out, data, threads: threadsOf(flags) })

  const { measures } = experiment
  const signal = onSignals()
  const end = await runPlan(runs, { data: data.folder, measures, jobs: flags.jobs, stderr, signal })
  const timed =
    chosen.cost && !end.interrupted ? await timeRows(chosen, runs, { out, data, stderr, signal }) : undefined
  if (timed?.interrupted) {
    stderr.write('Interrupted: all is trained, and not all is timed. The same command goes on.\n')
    return 130
  }
  const outcomes = outcomesOf(chosen.rows, runs, timed?.costs)
  const made = report(chosen, scale, runs, {
    outcomes,
    seeds: flags.seeds,
    command: commandOf(experiment, flags),
    data,
    charts: await chartsOf(chosen, runs, outcomes),
  })
  await writeReport(made, flags, out, { stdout, stderr })
  if (end.interrupted) stderr.write(INTERRUPTED)
  return end.interrupted ? 130 : end.failed + (timed?.failed ?? 0) > 0 ? 1 : 0
}

/** Threads of each of the runs that go side by side; 0: all cores. */
export function threadsOf({ jobs }: Pick<VerbFlags, 'jobs'>): number {
  return jobs === 1 ? 0 : Math.max(1, Math.floor(availableParallelism() / jobs))
}

/** As Markdown, HTML and JSON with its pictures beside, and on stdout. */
export async function writeReport(
  made: Report,
  flags: Pick<VerbFlags, 'report' | 'json'>,
  out: string,
  { stdout, stderr }: Streams,
): Promise<void> {
  const folder = resolve(flags.report ?? out)
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, `${made.name}.md`), toMarkdown(made))
  await writeFileAtomic(join(folder, `${made.name}.html`), toHtml(made))
  await writeFileAtomic(join(folder, `${made.name}.json`), toJson(made))
  for (const [i, { svg }] of made.charts.entries()) await writeFileAtomic(join(folder, `${made.name}-${i}.svg`), svg)
  stdout.write(flags.json ? toJson(made) : toMarkdown(made))
  stderr.write(`Report: ${join(folder, `${made.name}.md`)}, .html and .json\n`)
}

/** Aborted when the bench is told to stop: its runs then save. */
export function onSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  return stop.signal
}

export function chosenRows(experiment: Experiment, only: string | undefined): Experiment {
  if (only === undefined) return experiment
  const names = only.split(',')
  const unknown = names.filter((name) => !experiment.rows.some((row) => row.name === name))
  if (unknown.length > 0) {
    const known = experiment.rows.map((row) => row.name).join(', ')
    throw new Failure(`--only ${only}: ${experiment.name} has no row ${unknown.join(', ')}. It has ${known}.`, 2)
  }
  return { ...experiment, rows: experiment.rows.filter((row) => names.includes(row.name)) }
}

/** Rows beside the paper's, accuracy against throughput where that is the point, and the curves that belong to a figure. */
async function chartsOf(
  experiment: Experiment,
  runs: readonly Run[],
  outcomes: ReadonlyMap<string, Outcome>,
): Promise<Chart[]> {
  const charts = [
    await comparisonChart(experiment, outcomes),
    experiment.cost ? await costChart(experiment, outcomes) : undefined,
  ]
  const { rows, curves = rows.length > MOST_LINES ? [] : ['teacherKnn' as const] } = experiment
  for (const what of curves) charts.push(await chart(what, runs))
  return charts.filter((made) => made !== undefined)
}

export function commandOf({ name }: Experiment, flags: VerbFlags & { masks?: string }): string {
  const { scale, precision, epochs, data, seeds, only, masks } = flags
  return benchCommand(name, {
    scale,
    precision: unless('fp32', precision),
    epochs,
    data: data && 'DIR',
    seeds: unless(1, seeds),
    only,
    masks: masks && 'DIR',
  })
}
