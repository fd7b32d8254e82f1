import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '@dino/weights/node'
import type { CommandContext } from '@stricli/core'
import { draw } from '../ablations/chart.js'
import { commit } from '../ablations/machine.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { median } from '../median.js'
import type { Timing } from './ours.js'

export interface GrowthFlags {
  steps: number
  only?: readonly string[]
  out?: string
  threads?: number
  engine: string
  report?: string
  json: boolean
}

/** One setting: what it changes of the base, and how much of that there is. */
interface Point {
  axis: string
  /** On the axis: images, views' tokens, prototypes, blocks. */
  size: number
  flags: readonly string[]
}

export interface Grown {
  axis: string
  size: number
  seconds: number
  gigabytes: number
}

export interface Slope {
  axis: string
  /** d log(time) / d log(size), by least squares: 1 is in proportion, below it a fixed part shows. */
  time: number
  memory: number
}

const base = { arch: 'vit_tiny', 'patch-size': 16, batch: 4, locals: 8, 'out-dim': 4096, depth: 12 } as const

/** Tokens of an image that the student sees, of 2 x 224 + 8 x 96 pixels. */
export function tokensOf(patch: number): number {
  return 2 * (Math.floor(224 / patch) ** 2 + 1) + 8 * (Math.floor(96 / patch) ** 2 + 1)
}

export const points: readonly Point[] = [
  ...[1, 2, 4, 8].map((n) => ({ axis: 'batch', size: n, flags: ['--batch', String(n)] })),
  ...[0, 2, 4, 8].map((n) => ({ axis: 'crops', size: 2 + n, flags: ['--locals', String(n)] })),
  ...[32, 24, 16, 12].map((p) => ({ axis: 'tokens', size: tokensOf(p), flags: ['--patch-size', String(p)] })),
  ...[4096, 16384, 65536, 131072].map((k) => ({ axis: 'K', size: k, flags: ['--out-dim', String(k)] })),
  ...[3, 6, 12, 24].map((n) => ({ axis: 'depth', size: n, flags: ['--depth', String(n)] })),
]

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built

/** How time and memory of a step grow with batch, crops, tokens, K and depth: slopes, and one picture. */
export async function runGrowth(this: CommandContext, flags: GrowthFlags): Promise<void> {
  const wanted = chosen(flags.only)
  const file = flags.out === undefined ? undefined : join(resolve(flags.out), 'growth.json')
  const measured = await keptTimings(file) // the base lies on several axes
  const grown: Grown[] = []
  for (const [i, point] of wanted.entries()) {
    const args = argumentsOf(point, flags)
    const key = args.join(' ')
    let timing = measured[key]
    if (!timing) {
      this.process.stderr.write(`${point.axis} ${point.size}: ${i + 1} of ${wanted.length}\n`)
      timing = measured[key] = await child<Timing>(process.execPath, [cli, 'step-child', ...args])
      if (file) await writeFileAtomic(file, JSON.stringify(measured, null, 2))
    }
    grown.push({
      axis: point.axis,
      size: point.size,
      seconds: median(timing.times_ms) / 1000,
      gigabytes: timing.max_rss_gb,
    })
  }
  const slopes = slopesOf(grown)
  if (flags.report !== undefined) {
    const file = join(resolve(flags.report), 'growth')
    await writeFileAtomic(`${file}.svg`, await draw(picture(grown)))
    await writeFileAtomic(`${file}.md`, growthMarkdown(grown, slopes, true))
  }
  this.process.stdout.write(flags.json ? `${JSON.stringify({ grown, slopes })}\n` : growthMarkdown(grown, slopes))
}

/** Points of the axes that are asked for. */
function chosen(only: readonly string[] | undefined): readonly Point[] {
  const axes = [...new Set(points.map(({ axis }) => axis))]
  const unknown = only?.find((axis) => !axes.includes(axis))
  if (unknown !== undefined) throw new Failure(`--only: there is no axis ${unknown}. There are ${axes.join(', ')}.`, 2)
  return points.filter(({ axis }) => only?.includes(axis) ?? true)
}

/** What was measured before, by its arguments. */
async function keptTimings(file: string | undefined): Promise<Record<string, Timing>> {
  if (file === undefined) return {}
  await mkdir(dirname(file), { recursive: true })
  return existsSync(file) ? JSON.parse(await readFile(file, 'utf8')) : {}
}

function argumentsOf(point: Point, { steps, threads, engine }: GrowthFlags): string[] {
  const changed = Object.fromEntries(chunked(point.flags))
  const all = { ...base, ...changed, steps, engine, ...(threads !== undefined && { threads }) }
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
}

function chunked(flags: readonly string[]): [string, string][] {
  return flags.flatMap((flag, i) => (i % 2 === 0 ? [[flag.slice(2), flags[i + 1]!] as [string, string]] : []))
}

/** Least squares on logarithms, for each axis. */
export function slopesOf(grown: readonly Grown[]): Slope[] {
  return [...new Set(grown.map(({ axis }) => axis))].map((axis) => {
    const own = grown.filter((point) => point.axis === axis)
    const slope = (value: (point: Grown) => number): number => {
      const x = own.map(({ size }) => Math.log(size))
      const y = own.map((point) => Math.log(value(point)))
      const [mx, my] = [mean(x), mean(y)]
      const over = x.reduce((sum, xi, i) => sum + (xi - mx) * (y[i]! - my), 0)
      return over / x.reduce((sum, xi) => sum + (xi - mx) ** 2, 0)
    }
    return { axis, time: slope(({ seconds }) => seconds), memory: slope(({ gigabytes }) => gigabytes) }
  })
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length
}

function picture(grown: readonly Grown[]) {
  const values = [...new Set(grown.map(({ axis }) => axis))].flatMap((axis) => {
    const own = grown.filter((point) => point.axis === axis)
    return own.flatMap(({ size, seconds, gigabytes }) => [
      { axis, times: size / own[0]!.size, value: seconds, what: 'seconds a step' },
      { axis, times: size / own[0]!.size, value: gigabytes, what: 'peak memory, GB' },
    ])
  })
  const log = { type: 'log' } as const
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    data: { values },
    facet: { column: { field: 'what', type: 'nominal', title: null } },
    resolve: { scale: { y: 'independent' } },
    spec: {
      width: 320,
      height: 280,
      mark: { type: 'line', point: true },
      encoding: {
        x: { field: 'times', type: 'quantitative', scale: log, title: 'times the smallest' },
        y: { field: 'value', type: 'quantitative', scale: log, title: null },
        color: { field: 'axis', type: 'nominal', title: null },
      },
    },
  } as const
}

export function growthMarkdown(grown: readonly Grown[], slopes: readonly Slope[], withPicture = false): string {
  const { arch, batch, locals } = base
  return [
    '# How a step grows',
    '',
    `${arch}/${base['patch-size']}, batch ${batch}, 2 x 224 + ${locals} x 96 crops, K ${base['out-dim']}, fp32, and what changes of it; ${cpus()[0]?.model.trim()}, ${cpus().length} cores, commit ${commit()}.`,
    '',
    '    npm run bench -- growth --out runs/growth --report docs/results',
    '',
    '| | sizes | seconds a step | slope | peak memory, GB | slope |',
    '| --- | --- | --- | ---: | --- | ---: |',
    ...slopes.map(({ axis, time, memory }) => {
      const own = grown.filter((point) => point.axis === axis)
      const list = (value: (point: Grown) => string) => own.map(value).join(', ')
      return `| ${axis} | ${list(({ size }) => String(size))} | ${list(({ seconds }) => seconds.toFixed(2))} | ${time.toFixed(2)} | ${list(({ gigabytes }) => gigabytes.toFixed(2))} | ${memory.toFixed(2)} |`
    }),
    '',
    'A slope is d log(what) / d log(size): 1 grows in proportion, less has a fixed part.',
    '',
    ...(withPicture ? ['![Time and memory against size, on logarithmic axes](growth.svg)', ''] : []),
  ].join('\n')
}
