import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from '@stricli/core'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { median } from '../median.js'
import type { ModelFlags, Timing } from './ours.js'

export interface StepFlags extends ModelFlags {
  rounds: number
  peerPython?: string
  json: boolean
}

interface Side {
  name: string
  version: string
  threads: number
  /** Median of all timed steps of all rounds. */
  stepMs: number
  imagesPerSecond: number
  /** Fastest round: later ones find files in memory. */
  firstStepMs: number
  maxRssGb: number
  rounds: Timing[]
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built
const peer = fileURLToPath(new URL('../peers/bench_step.py', import.meta.url))

/** Times both sides in turn and prints the ratio of their medians. */
export async function runStep(this: CommandContext, flags: StepFlags): Promise<void> {
  check(flags)
  const ours: Timing[] = []
  const peers: Timing[] = []
  for (let round = 0; round < flags.rounds; round++) {
    this.process.stderr.write(`round ${round + 1} of ${flags.rounds}: ours …\n`)
    ours.push(await child<Timing>(process.execPath, [cli, 'step-child', ...oursArguments(flags)]))
    if (!flags.peerPython) continue
    this.process.stderr.write(`round ${round + 1} of ${flags.rounds}: peer …\n`)
    peers.push(await child<Timing>(flags.peerPython, [peer, ...peerArguments(flags)]))
  }
  const sides = [ours, peers].filter((timings) => timings.length > 0).map((timings) => summary(timings, flags.batch))
  const ratio = sides[1] ? sides[0]!.stepMs / sides[1].stepMs : null
  const { arch, patchSize, batch, locals, outDim, steps, rounds } = flags
  const setting = {
    arch,
    patchSize,
    batch,
    locals,
    outDim,
    steps,
    rounds,
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
  }
  if (flags.json) this.process.stdout.write(`${JSON.stringify({ ...setting, sides, ratio }, null, 2)}\n`)
  else this.process.stdout.write(table(setting, sides, ratio))
}

function check(flags: StepFlags): void {
  for (const [flag, least] of [
    ['patchSize', 1],
    ['batch', 1],
    ['locals', 0],
    ['outDim', 1],
    ['steps', 1],
    ['rounds', 1],
  ] as const) {
    const value = flags[flag]
    if (Number.isInteger(value) && value >= least) continue
    const name = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new Failure(`--${name}: expected a whole number of ${least} or more, got ${value}.`, 2)
  }
  if (flags.peerPython?.includes('/') && !existsSync(flags.peerPython)) {
    throw new Failure(
      `--peer-python: ${flags.peerPython} does not exist. Make it with apps/bench/peers/setup.sh DIR: DIR/bin/python.`,
      2,
    )
  }
}

function oursArguments({ arch, patchSize, batch, locals, outDim, steps, threads, engine }: StepFlags): string[] {
  const values = { arch, 'patch-size': patchSize, batch, locals, 'out-dim': outDim, steps, engine }
  return list(threads === undefined ? values : { ...values, threads })
}

function peerArguments({ arch, patchSize, batch, locals, outDim, steps, threads }: StepFlags): string[] {
  const values = { arch: `${arch}_patch${patchSize}_224`, batch, locals, 'out-dim': outDim, steps } // timm's names
  return list(threads === undefined ? values : { ...values, threads })
}

function list(values: Record<string, string | number>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])
}

function summary(rounds: Timing[], batch: number): Side {
  const stepMs = median(rounds.flatMap(({ times_ms }) => times_ms))
  return {
    name: rounds[0]!.peer,
    version: rounds[0]!.version,
    threads: rounds[0]!.threads,
    stepMs,
    imagesPerSecond: (1000 * batch) / stepMs,
    firstStepMs: Math.min(...rounds.map(({ first_step_ms }) => first_step_ms)),
    maxRssGb: Math.max(...rounds.map(({ max_rss_gb }) => max_rss_gb)),
    rounds,
  }
}

function table(setting: Record<string, unknown>, sides: Side[], ratio: number | null): string {
  const { arch, patchSize, batch, locals, outDim, cpu, cores } = setting
  const rows = [
    ['', 'step', 'images/s', 'first step', 'peak memory', 'threads'],
    ...sides.map((side) => [
      `${side.name} ${side.version}`,
      `${side.stepMs.toFixed(0)} ms`,
      side.imagesPerSecond.toFixed(2),
      `${side.firstStepMs.toFixed(0)} ms`,
      `${side.maxRssGb.toFixed(2)} GB`,
      String(side.threads),
    ]),
  ]
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const lines = rows.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  )
  const verdict =
    ratio === null
      ? 'Only ours was timed: add --peer-python PATH to time PyTorch in turn (apps/bench/peers/README.md).'
      : `ours / peer, medians: ${ratio.toFixed(2)}`
  const what = `${arch}/${patchSize}, batch ${batch}, 2 x 224 + ${locals} x 96 crops, ${outDim} prototypes, float32; ${cpu}, ${cores} cores`
  return [what, '', ...lines, '', verdict, ''].join('\n')
}
