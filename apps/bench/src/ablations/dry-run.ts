import { idleSettings, kebab, printed, resolveConfig, type TrainConfig, type TrainOptions } from '@dino/trainer'
import { relativeCost } from './cost.js'
import type { Experiment } from './experiment.js'
import { settingsOf } from './plan.js'
import { differenceText } from './report.js'
import { type Scale, type ScaleName, scales } from './scale.js'

/** Images of the training set that a scale is made for. */
const IMAGES: Record<ScaleName, number> = { tiny: 963, small: 2560, imagenet: 1_281_167 }

/**
 * Seconds of a scale's base run on two cores, by which its other rows are estimated: tiny and small as their runs take (docs/results),
 * imagenet from the 3.26 s that a step of 8 images takes in `bench step`.
 */
const MEASURED: Record<ScaleName, number> = { tiny: 75, small: 150, imagenet: (3.26 / 8) * 300 * IMAGES.imagenet }

/** The exact settings of each row, what it costs, and where it is not the paper's. Nothing is run. */
export function dryRunText(experiment: Experiment, scale: Scale, { seeds }: { seeds: number }): string {
  const lines = [`${experiment.title} (${experiment.source}), scale ${scale.name}: ${scale.summary}.`, '']
  for (const row of experiment.rows) {
    const config = configOf(row, scale)
    const all = Math.floor(IMAGES[scale.name] / config.batchSize) * config.epochs
    const steps = Math.min(all, config.maxSteps ?? all)
    lines.push(`${row.name}: ${row.title}`)
    lines.push(
      `  ${steps} steps of ${config.batchSize} images, about ${hours(seconds(config, scale) * seeds)} on two cores${seeds > 1 ? ` for ${seeds} seeds` : ''}`,
    )
    lines.push(`  beside the base: ${differenceText(row, undefined, scale).join(' ') || 'nothing'}`)
    if (row.note) lines.push(`  note: ${row.note}`)
    lines.push(...commandsOf(row, scale).map((command) => `  ${command}`), '')
  }
  lines.push('Beside the paper:', ...deviations(scale).map((text) => `- ${text}`), '')
  return lines.join('\n')
}

/** All experiments: rows, runs, and what they cost at each scale. */
export function listText(experiments: readonly Experiment[]): string {
  const lines = experiments.map((experiment) => {
    const cost = (['tiny', 'small', 'imagenet'] as const).map((name) => {
      const scale = scales[name]
      return hours(experiment.rows.reduce((sum, row) => sum + seconds(configOf(row, scale), scale), 0))
    })
    return `  ${experiment.name.padEnd(10)} ${String(experiment.rows.length).padStart(2)} rows   ${cost.map((text) => text.padStart(12)).join('')}   ${experiment.title}`
  })
  return [
    'One seed on two cores, roughly; runs that tables share are made once.',
    '',
    `  ${''.padEnd(10)}           ${['tiny', 'small', 'imagenet'].map((name) => name.padStart(12)).join('')}`,
    ...lines,
    '',
    ...Object.values(scales).map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`),
    '',
  ].join('\n')
}

function configOf(row: Experiment['rows'][number], scale: Scale): TrainConfig {
  return resolveConfig({ ...settingsOf(row, scale), data: 'DIR' })
}

function seconds(config: TrainConfig, { name }: Scale): number {
  const measured = resolveConfig({ ...scales[name].base, data: 'DIR' })
  return (MEASURED[name] * relativeCost(config)) / relativeCost(measured)
}

function commandsOf(row: Experiment['rows'][number], scale: Scale): string[] {
  const settings = settingsOf(row, scale)
  const train = `dino train --data DIR ${flagsOf(withoutIdle(settings))}`
  if (!row.supervised) return [train]
  const { epochs, batchSize } = resolveConfig({ ...settings, data: 'DIR' })
  return [
    `${train} --max-steps 1 --output-dir LIKE`,
    `dino eval finetune random --like LIKE --data DIR ${flagsOf({ epochs, batchSize, lr: scale.supervisedLr })}`,
  ]
}

/** A scale's base says some things in vain for some rows; `dino train` would refuse them as flags. */
export function withoutIdle(settings: TrainOptions): TrainOptions {
  const idle = idleSettings(resolveConfig({ ...settings, data: 'DIR' }))
  return Object.fromEntries(Object.entries(settings).filter(([key]) => !idle.has(key as keyof TrainConfig)))
}

function flagsOf(settings: object): string {
  return Object.entries(settings)
    .map(([key, value]) => `--${kebab(key)} ${printed(value)}`)
    .join(' ')
}

function deviations({ name, summary }: Scale): string[] {
  const all = ['one process and fp32 or bf16 products, where the paper had 16 GPUs and fp16']
  if (name === 'imagenet') {
    return [
      ...all,
      "clip_grad, min_lr and crop scales are the reference's defaults: the published args of its 300 epochs are not at hand",
      "other methods run on DINO's crops, optimizer and schedules, as table 7 compares them",
    ]
  }
  return [
    ...all,
    `data, model, K, crops, batch and epochs are the scale's (${summary})`,
    'colour jitter is weaker, and there is no grayscale or solarize: on small images they drown what there is to see',
    "counts of crops, K, batches, heads and epochs are as far apart as the paper's, not the same",
  ]
}

function hours(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`
  return `${Math.round(seconds / 86_400)} days`
}
