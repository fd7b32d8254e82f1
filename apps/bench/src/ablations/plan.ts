import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { resolveConfig, type TrainConfig, type TrainOptions } from '@dino/trainer'
import type { Data } from './data.js'
import type { Experiment, Row } from './experiment.js'
import type { Scale } from './scale.js'

/** One training run of a bench. */
export interface Run {
  /** Hash of all that decides its result: rows of several tables that are the same run share it. */
  key: string
  row: Row
  seed: number
  /** Its folder; KEY.json beside it holds its settings. */
  folder: string
  config: TrainConfig
  /** Of a row that is trained on labels: its learning rate, for 512 images a step. */
  supervisedLr?: number
}

export interface Place {
  /** Folder of the bench: runs/, data/, reports. */
  out: string
  data: Pick<Data, 'folder' | 'digest'>
  threads: number
}

/** What changes where and how fast a run goes, or what it reports, and not what it comes to; images count by their digest. */
const FREE: ReadonlySet<string> = new Set([
  'data',
  'outputDir',
  'recipe',
  'saveckpFreq',
  'checkpointMinutes',
  'logFreq',
  'maxMinutes',
  'numWorkers',
  'engine',
  'threads',
  'device',
  'microBatch',
  'recompute',
] satisfies (keyof TrainConfig)[])

export function plan(experiment: Experiment, scale: Scale, seeds: number, place: Place): Run[] {
  return Array.from({ length: seeds }, (_, seed) => experiment.rows.map((row) => runOf(row, scale, seed, place))).flat()
}

/** Settings of a row, complete. @throws Failure of the trainer where they do not go together */
export function runOf(row: Row, scale: Scale, seed: number, { out, data, threads }: Place): Run {
  const settings = { ...settingsOf(row, scale), data: join(data.folder, 'train'), seed, threads }
  const hash = keyOf(resolveConfig(settings), data)
  const key = row.supervised ? `${hash}-supervised` : hash
  const folder = join(out, 'runs', key)
  return {
    ...{ key, row, seed, folder, config: resolveConfig({ ...settings, outputDir: folder }) },
    ...(row.supervised && { supervisedLr: scale.supervisedLr }),
  }
}

/** The scale's base with what the row changes; a setting that a row makes undefined is left out. */
export function settingsOf(row: Row, scale: Scale): TrainOptions {
  const merged = { ...scale.base, ...row.settings(scale) }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined))
}

export function keyOf(config: TrainConfig, { digest }: Pick<Data, 'digest'>): string {
  const kept = Object.entries(config).filter(([key]) => !FREE.has(key))
  return createHash('sha256')
    .update(JSON.stringify([...kept, ['images', digest]]))
    .digest('hex')
    .slice(0, 12)
}

/** What differs from another row's settings, in effect: what a row leaves out is its default, or undefined where there is none. */
export function difference(row: Row, before: Row | undefined, scale: Scale): [key: string, value: unknown][] {
  const own = settingsOf(row, scale)
  const other: TrainOptions = before ? settingsOf(before, scale) : scale.base
  const effective = resolveConfig({ ...own, data: 'DIR' })
  const keys = [...new Set([...Object.keys(own), ...Object.keys(other)])] as (keyof TrainOptions)[]
  return keys
    .filter((key) => JSON.stringify(own[key]) !== JSON.stringify(other[key]))
    .map((key) => [key, own[key] ?? effective[key]])
}
