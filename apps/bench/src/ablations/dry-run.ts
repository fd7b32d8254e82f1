import {
  idleSettings,
  kebab,
  listEmoji,
  printed,
  resolveConfig,
  splitByGroup,
  type TrainConfig,
  type TrainOptions,
} from '@dino/trainer'
import { relativeCost, stepFlops } from './cost.js'
import { deviationsOf } from './deviations.js'
import type { Experiment, Row } from './experiment.js'
import { keyOf, settingsOf } from './plan.js'
import { differenceText } from './report.js'
import { type Scale, type ScaleName, scales } from './scale.js'

/** Images of the training set that a scale is made for. */
const images: Record<ScaleName, () => number> = {
  tiny: () => splitByGroup(listEmoji()).train.length,
  small: () => 2560,
  imagenet: () => 1_281_167,
}

/** Seconds of a small scale's base run on two cores, as its runs take (docs/results); by it, other rows are estimated. */
const MEASURED: Record<Exclude<ScaleName, 'imagenet'>, number> = { tiny: 75, small: 150 }

/** Of the reference's defaults with batches of 8 on two cores, in fp32: `bench step` (README). */
const SECONDS_OF_EIGHT = 3.15

/** What 300 epochs with ten local crops took the paper (table 8). */
const PAPER = { hours: 72.6, gpus: 16 }

/** The exact settings of each row, what it costs, and where it is not the paper's. Nothing is run. */
export function dryRunText(experiment: Experiment, scale: Scale, { seeds }: { seeds: number }): string {
  const lines = [`${experiment.title} (${experiment.source}), scale ${scale.name}: ${scale.summary}.`, '']
  for (const row of experiment.rows) {
    lines.push(`${row.name}: ${row.title}`, ...costOf(row, scale, seeds).map((line) => `  ${line}`))
    lines.push(`  beside the base: ${differenceText(row, undefined, scale).join(' ') || 'nothing'}`)
    if (row.note) lines.push(`  note: ${row.note}`)
    lines.push(...(row.deviations?.(scale) ?? []).map((text) => `  beside the paper: ${text}`))
    lines.push(...commandsOf(row, scale).map((command) => `  ${command}`), '')
  }
  lines.push(
    'All rows, beside the paper:',
    ...deviationsOf(scale).map((text) => `- ${text}`),
    '',
    ...aboutCost(scale),
    '',
  )
  return lines.join('\n')
}

/** All experiments: rows, distinct runs, and what these cost at each scale. */
export function listText(experiments: readonly Experiment[]): string {
  const names = ['tiny', 'small', 'imagenet'] as const
  const line = (name: string, rows: string, cells: readonly string[], title: string) =>
    `  ${name.padEnd(10)}${rows.padStart(5)}${cells.map((cell) => cell.padStart(21)).join('')}   ${title}`.trimEnd()
  const cellsOf = (rows: readonly Row[]) =>
    names.map((name) => {
      const runs = [...distinct(rows, scales[name]).values()]
      return `${runs.length} in ${time(runs.reduce((sum, row) => sum + seconds(row, scales[name]), 0))}`
    })
  return [
    'Runs of one seed and their time on two cores, roughly. Rows that are the same run are made once, in whatever tables they are.',
    '',
    line('', 'rows', names, ''),
    line(
      'table1',
      '-',
      names.map(() => '-'),
      'Networks: parameters, tokens, throughput; measured, nothing is trained',
    ),
    ...experiments.map(({ name, rows, title }) => line(name, String(rows.length), cellsOf(rows), title)),
    line('all', '', cellsOf(experiments.flatMap(({ rows }) => rows)), ''),
    '',
    ...Object.values(scales).map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`),
    '',
    'Tables 8 and 9 and figure 5 then time their rows alone: 40 steps each, three times.',
    '`bench TABLE --scale SCALE --dry-run` tells settings, cost and differences from the paper row by row, on a GPU as well.',
    '',
  ].join('\n')
}

/** One row of each run. */
function distinct(rows: readonly Row[], scale: Scale): Map<string, Row> {
  const digest = '' // the images are the same for all
  return new Map(rows.map((row) => [`${keyOf(configOf(row, scale), { digest })} ${row.supervised ?? false}`, row]))
}

function configOf(row: Row, scale: Scale): TrainConfig {
  return resolveConfig({ ...settingsOf(row, scale), data: 'DIR' })
}

function costOf(row: Row, scale: Scale, seeds: number): string[] {
  const config = configOf(row, scale)
  const steps = stepsOf(config, scale)
  const flops = stepFlops(config, row)
  const onGpu = scale.name === 'imagenet' ? `, ${gpuTime((flops * steps * seeds) / gpuRate())} on one GPU` : ''
  return [
    `${steps} ${steps === 1 ? 'step' : 'steps'} of ${config.batchSize} images, ${short(steps * config.batchSize, '')} in all; ${short(flops, 'FLOP')} a step, ${short(flops * steps, 'FLOP')} in all`,
    `about ${time(seconds(row, scale) * seeds)} on two cores${onGpu}${seeds > 1 ? `, for ${seeds} seeds` : ''}`,
    ...paperText(row),
  ]
}

function paperText({ paperCost: cost, paperThroughput: throughput }: Row): string[] {
  const told = [
    cost?.hours && `${cost.hours} h on ${PAPER.gpus} GPUs`,
    cost?.gigabytes && `${cost.gigabytes} GB of each GPU`,
    throughput && `${throughput} images/s through the network alone`,
  ].filter(Boolean)
  return told.length > 0 ? [`the paper: ${told.join(', ')}`] : []
}

function stepsOf({ batchSize, epochs, maxSteps }: TrainConfig, { name }: Scale): number {
  const all = Math.floor(images[name]() / batchSize) * epochs
  return Math.min(all, maxSteps ?? all)
}

/** Of a run on two cores. */
function seconds(row: Row, scale: Scale): number {
  const config = configOf(row, scale)
  const flops = stepFlops(config, row)
  if (scale.name === 'imagenet') {
    const eight = resolveConfig({ data: 'DIR', batchSize: 8 })
    return (flops * stepsOf(config, scale) * SECONDS_OF_EIGHT) / stepFlops(eight)
  }
  const measured = resolveConfig({ ...scales[scale.name].base, data: 'DIR' })
  const share = flops / stepFlops(config) // of a step with multi-crop, where the row is trained on labels
  return (MEASURED[scale.name] * share * relativeCost(config)) / relativeCost(measured)
}

/** Floating point operations a second that a GPU is taken to sustain: what each of the paper's came to. */
function gpuRate(): number {
  const config = resolveConfig({ ...scales.imagenet.base, data: 'DIR' })
  return (stepFlops(config) * stepsOf(config, scales.imagenet)) / (PAPER.hours * 3600 * PAPER.gpus)
}

function aboutCost({ name }: Scale): string[] {
  const products = 'FLOP are those of the products of backbone and head, counted from the shapes.'
  const measure = 'What a step takes of time and memory on a machine, --dry-run behind a command above measures.'
  if (name !== 'imagenet') return [products, measure]
  return [
    `${products} Two cores take ${SECONDS_OF_EIGHT} s for 8 images with eight local crops, as measured (\`bench step\`).`,
    `A GPU is taken to sustain ${short(gpuRate(), 'FLOP')} a second, what each of the paper's ${PAPER.gpus} V100s comes to by the ${PAPER.hours} hours of table 8: an assumption, for nothing was measured on a GPU here.`,
    measure,
  ]
}

function commandsOf(row: Row, scale: Scale): string[] {
  const settings = settingsOf(row, scale)
  const train = `dino train --data DIR ${flagsOf(withoutIdle(settings))}`
  if (!row.supervised) return [train]
  const { epochs, batchSize, seed, precision } = resolveConfig({ ...settings, data: 'DIR' })
  return [
    `${train} --max-steps 1 --output-dir LIKE`,
    `dino eval finetune random --like LIKE --data DIR ${flagsOf({ epochs, batchSize, lr: scale.supervisedLr, seed, precision })}`,
  ]
}

/** Without what would do nothing beside the rest, which `dino train` refuses. */
export function withoutIdle(settings: TrainOptions): TrainOptions {
  const idle = idleSettings(resolveConfig({ ...settings, data: 'DIR' }))
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !idle.has(key as keyof TrainConfig)))
}

function flagsOf(settings: object): string {
  return Object.entries(settings)
    .map(([key, value]) => `--${kebab(key)} ${printed(value)}`)
    .join(' ')
}

/** `48 EFLOP`, `384 million`. */
function short(value: number, unit: 'FLOP' | ''): string {
  const prefixes = unit === '' ? ['', ' thousand', ' million', ' billion'] : ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z']
  const power = Math.min(prefixes.length - 1, Math.max(0, Math.floor(Math.log10(value) / 3)))
  const scaled = Number((value / 1000 ** power).toPrecision(3))
  return unit === '' ? `${scaled}${prefixes[power]}` : `${scaled} ${prefixes[power]}${unit}`
}

/** In hours, as machines are lent, from one on. */
function gpuTime(seconds: number): string {
  return seconds < 3600 ? time(seconds) : `${Math.round(seconds / 3600)} h`
}

function time(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`
  if (seconds < 2 * 365 * 86_400) return `${Math.round(seconds / 86_400)} days`
  return `${Math.round(seconds / 86_400 / 365)} years`
}
