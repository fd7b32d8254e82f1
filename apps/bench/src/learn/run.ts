import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { resolveConfig } from '@dino/trainer'
import { writeFileAtomic } from '@dino/weights/node'
import { mean, shown } from '../ablations/experiment.js'
import { trialExperiment } from '../ablations/experiments.js'
import { plan, type Run, settingsOf } from '../ablations/plan.js'
import { resultOf } from '../ablations/result.js'
import { table7 } from '../ablations/rows.js'
import { runPlan } from '../ablations/run-plan.js'
import { type ScaleName, scales } from '../ablations/scale.js'
import { dataOf, onSignals, type Streams } from '../ablations/verb.js'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { scheduleOf, trainOnCrops } from './same-crops.js'

export interface LearnFlags {
  scale: ScaleName
  data?: string
  steps: number
  seeds: number
  out: string
  peerPython: string
  engine: string
  json: boolean
}

export interface LearnReport {
  scale: ScaleName
  /** Loss of each step on the same crops, from the same weights. */
  same: { steps: number; ours: number[]; peer: number[]; largest: number; atEnd: number }
  /** k-NN of the teacher, percent, each side on crops of its own; one a seed. */
  own?: { steps: number; ours: number[]; peer: number[] }
  peer: string
}

const script = fileURLToPath(new URL('../peers/bench_learn.py', import.meta.url)) // beside dist/
const dinoRow = table7.filter((row) => row.name === 'dino')

/** The reference's algorithm in PyTorch and ours: step by step on the same crops, then each on its own. */
export async function runLearn(flags: LearnFlags, { stdout, stderr }: Streams): Promise<number> {
  checkPeer(flags.peerPython)
  const scale = scales[flags.scale]
  const out = resolve(flags.out, scale.name)
  const data = await dataOf(flags, scale, out, stderr)
  const folder = join(out, 'learn')
  await mkdir(folder, { recursive: true })

  // Stochastic depth is drawn by each side for itself, so the steps that are to be the same have none.
  const config = resolveConfig({ ...settingsOf(dinoRow[0]!, scale), data: join(data, 'train'), dropPathRate: 0 })
  const file = join(folder, 'same.safetensors')
  stderr.write(`same crops: ours, ${flags.steps} steps\n`)
  const ours = await trainOnCrops(config, join(data, 'train'), file, flags)
  stderr.write('same crops: PyTorch\n')
  const peer = await child<{ losses: number[]; version: string }>(flags.peerPython, [script, '--same', file])
  const differences = ours.map((loss, i) => Math.abs(loss - peer.losses[i]!))
  const last = differences.slice(-20)
  const same = { steps: flags.steps, ours, peer: peer.losses, largest: Math.max(...differences), atEnd: mean(last) }

  const own = flags.seeds > 0 ? await ownCrops() : undefined
  if (own === 'interrupted') return 130
  if (own === 'failed') return 1
  const report: LearnReport = {
    scale: flags.scale,
    same,
    ...(own && { own }),
    peer: `torch ${peer.version}`,
  }
  await writeFileAtomic(join(out, 'learn.json'), `${JSON.stringify(report)}\n`)
  await writeFileAtomic(join(out, 'learn.md'), learnMarkdown(report))
  stdout.write(flags.json ? `${JSON.stringify(report)}\n` : learnMarkdown(report))
  return 0

  /** Each side with its own crops and first weights, over the seeds; what is finished is kept. */
  async function ownCrops(): Promise<NonNullable<LearnReport['own']> | 'interrupted' | 'failed'> {
    const runs = plan({ ...trialExperiment, rows: dinoRow }, scale, flags.seeds, { out, data, threads: 0 })
    const signal = onSignals()
    const end = await runPlan(runs, { data, measures: ['knn'], jobs: 1, stderr, signal })
    if (signal.aborted) return 'interrupted'
    if (end.failed > 0) return 'failed'
    const { steps } = resultOf(runs[0]!)!
    const peers: number[] = []
    for (const run of runs) peers.push(await peerRun(run, steps))
    return { steps, ours: runs.map((run) => resultOf(run)!.knn.teacher), peer: peers }
  }

  async function peerRun({ key, seed, config }: Run, steps: number): Promise<number> {
    const kept = join(folder, `peer-${key}.json`)
    if (!existsSync(kept)) {
      stderr.write(`own crops: PyTorch, seed ${seed}\n`)
      const perEpoch = Math.floor(countImages(join(data, 'train')) / config.batchSize)
      const told = join(folder, 'settings.json')
      const schedule = scheduleOf(config, perEpoch, steps)
      await writeFileAtomic(told, JSON.stringify({ settings: config, schedule, weights: file }))
      const args = [script, '--own', data, '--settings', told, '--seed', String(seed)]
      await writeFileAtomic(kept, JSON.stringify(await child<object>(flags.peerPython, args)))
    }
    return (JSON.parse(readFileSync(kept, 'utf8')) as { knn: number }).knn
  }
}

function countImages(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + readdirSync(join(folder, name)).length, 0)
}

export function learnMarkdown({ scale, same, own, peer }: LearnReport): string {
  const at = [0, 1, 9, 49, 99, 199, 299].filter((i) => i < same.steps)
  return [
    '# Learning, step by step beside PyTorch',
    '',
    `Scale ${scale}; the reference's algorithm in ${peer} (apps/bench/peers/bench_learn.py).`,
    '',
    `From the same weights, on the same crops, ${same.steps} steps without stochastic depth:`,
    '',
    '| step | ours | PyTorch | difference |',
    '| ---: | ---: | ---: | ---: |',
    ...at.map((i) => {
      const [a, b] = [same.ours[i]!, same.peer[i]!]
      return `| ${i + 1} | ${a.toFixed(5)} | ${b.toFixed(5)} | ${Math.abs(a - b).toExponential(1)} |`
    }),
    '',
    `Largest difference ${same.largest.toExponential(1)}, mean of the last 20 steps ${same.atEnd.toExponential(1)}.`,
    '',
    ...(own
      ? [
          `Each with its own crops and initial weights, ${own.steps} steps, k-NN (k = 20) of the teacher, ${own.ours.length} ${own.ours.length === 1 ? 'seed' : 'seeds'}:`,
          '',
          '| | k-NN % |',
          '| --- | ---: |',
          `| ours | ${shown(own.ours)} |`,
          `| PyTorch | ${shown(own.peer)} |`,
          '',
        ]
      : []),
  ].join('\n')
}
