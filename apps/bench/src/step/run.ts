import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'
import type { CommandContext } from '@stricli/core'
import { commit } from '../ablations/machine.js'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { median } from '../median.js'
import { isResnet, step } from './defaults.js'
import type { ModelFlags, Timing } from './ours.js'
import { referenceProducts } from './products.js'
import { measureRoofline, type Roofline, toldRoofline } from './roofline.js'

export interface StepFlags extends Omit<ModelFlags, 'depth'> {
  rounds: number
  peerPython?: string
  peerCompile: boolean
  json: boolean
}

/** What `--json` prints. */
export interface StepReport {
  arch: string
  /** Of a ViT. */
  patchSize: number | null
  batch: number
  locals: number
  outDim: number
  steps: number
  rounds: number
  precision: string
  device: string
  cpu: string | undefined
  cores: number
  /** Of the code that was timed; absent in results of before. */
  commit?: string
  /** Ours, and the peer if it was timed. */
  sides: Side[]
  roofline: Roofline | null
  ratios: Ratios | null
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
export async function runStep(this: CommandContext, given: StepFlags): Promise<void> {
  check(given)
  const flags = isResnet(given.arch) ? given : { ...given, patchSize: given.patchSize ?? step.patchSize }
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
  const roofline = flags.peerPython ? await rooflineOf(flags, flags.peerPython) : null
  const ratios = compare(sides, ours, peers, roofline)
  const { arch, patchSize = null, batch, locals, outDim, steps, rounds, precision, device } = flags
  const machine = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, commit: commit() }
  const setting = { arch, patchSize, batch, locals, outDim, steps, rounds, precision, device, ...machine }
  const report: StepReport = { ...setting, sides, roofline, ratios }
  this.process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : table(report))
}

interface Ratios {
  /** Ours over the peer's, medians of all steps. */
  time: number
  /** The least and the largest of the ratios of each round. */
  timeOfRounds: [number, number]
  memory: number
  /** Our time over the roofline. */
  roofline: number
}

function rooflineOf(flags: StepFlags, python: string): Promise<Roofline> {
  const { arch, patchSize, precision, threads } = flags
  const products = referenceProducts(isResnet(arch) ? resnet.config(arch) : vit.config(arch, { patchSize }), flags)
  return measureRoofline(python, products, { precision, device: flags.device === 'gpu' ? 'cuda' : 'cpu', threads })
}

function compare(sides: Side[], ours: Timing[], peers: Timing[], roofline: Roofline | null): Ratios | null {
  const [own, other] = sides
  if (!own || !other || !roofline) return null
  const rounds = ours.map(({ times_ms }, i) => median(times_ms) / median(peers[i]!.times_ms))
  return {
    time: own.stepMs / other.stepMs,
    timeOfRounds: [Math.min(...rounds), Math.max(...rounds)],
    memory: own.maxRssGb / other.maxRssGb,
    roofline: own.stepMs / roofline.ms,
  }
}

function check(flags: StepFlags): void {
  for (const [flag, least] of [
    ['patchSize', 1],
    ['batch', 1],
    ['locals', 0],
    ['outDim', 2],
    ['steps', 1],
    ['rounds', 1],
  ] as const) {
    const value = flags[flag] ?? step.patchSize
    if (Number.isInteger(value) && value >= least) continue
    const name = flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new Failure(`--${name}: expected a whole number of ${least} or more, got ${value}.`, 2)
  }
  if (isResnet(flags.arch) && flags.patchSize !== undefined)
    throw new Failure(`--patch-size is of a ViT, and --arch is ${flags.arch}. Leave it out.`, 2)
  if (flags.patchSize !== undefined && flags.patchSize > 96)
    throw new Failure(`--patch-size: expected at most a local crop, 96, got ${flags.patchSize}.`, 2)
  if (flags.device === 'gpu' && flags.engine === 'eager') {
    throw new Failure('--device gpu is for TensorFlow, and --engine is eager. Leave one out.', 2)
  }
  checkPeer(flags.peerPython)
}

function oursArguments({
  arch,
  patchSize,
  batch,
  locals,
  outDim,
  steps,
  engine,
  precision,
  device,
  threads,
}: StepFlags) {
  const values = { arch, 'patch-size': patchSize, batch, locals, 'out-dim': outDim, steps, engine, precision, device }
  return list({ ...values, ...threadsOf({ threads }) })
}

function peerArguments(flags: StepFlags): string[] {
  const { arch, patchSize, batch, locals, outDim, steps, precision, device, peerCompile } = flags
  const model = isResnet(arch) ? arch : `${arch}_patch${patchSize}_224` // timm's names
  const values = { arch: model, batch, locals, 'out-dim': outDim, steps }
  const words = [precision === 'bf16' && '--bf16', peerCompile && '--compile'].filter((word) => word !== false)
  return [...list({ ...values, device: device === 'gpu' ? 'cuda' : 'cpu', ...threadsOf(flags) }), ...words]
}

function threadsOf({ threads }: Pick<StepFlags, 'threads'>): { threads?: number } {
  return threads === undefined ? {} : { threads }
}

function list(values: Record<string, string | number | undefined>): string[] {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return given.flatMap(([name, value]) => [`--${name}`, String(value)])
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

function table(report: StepReport): string {
  const { batch, locals, outDim, precision, device, cpu, cores, sides, roofline, ratios } = report
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
  const verdict = ratios && roofline ? verdicts(ratios, roofline) : [alone]
  const what = `${modelName(report)}, batch ${batch}, 2 x 224 + ${locals} x 96 crops, ${outDim} prototypes, ${precision} on the ${device}; ${cpu}, ${cores} cores`
  return [what, '', ...lines, '', ...verdict, ''].join('\n')
}

/** `vit_small/16`, or `resnet50`. */
export function modelName({ arch, patchSize }: Pick<StepReport, 'arch' | 'patchSize'>): string {
  return patchSize === null ? arch : `${arch}/${patchSize}`
}

const alone = 'Only ours was timed: add --peer-python PATH to time PyTorch in turn (apps/bench/peers/README.md).'

function verdicts({ time, timeOfRounds: [least, most], memory, roofline: over }: Ratios, roofline: Roofline): string[] {
  return [
    `ours / peer, medians: ${time.toFixed(2)} (rounds ${least.toFixed(2)} to ${most.toFixed(2)}); peak memory: ${memory.toFixed(2)}`,
    `ours / roofline: ${over.toFixed(2)} (${toldRoofline(roofline)})`,
  ]
}
