import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSession } from '@dino/graph'
import { engineName, resolveConfig } from '@dino/trainer'
import { writeFileAtomic } from '@dino/weights/node'
import { benchCommand, unless } from '../ablations/command.js'
import { dataOf } from '../ablations/data.js'
import { trialExperiment } from '../ablations/experiments.js'
import { machine } from '../ablations/machine.js'
import { plan, type Run, settingsOf } from '../ablations/plan.js'
import { resultOf } from '../ablations/result.js'
import { table7, table8 } from '../ablations/rows.js'
import { runPlan } from '../ablations/run-plan.js'
import { scales } from '../ablations/scale.js'
import { onSignals, type Streams, writeReport } from '../ablations/verb.js'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { type Learned, learnReport } from './report.js'
import type { LearnFlags } from './rows.js'
import { scheduleOf, trainOnCrops } from './same-crops.js'

const script = fileURLToPath(new URL('../peers/bench_learn.py', import.meta.url)) // beside dist/

/** The reference's algorithm in PyTorch and ours: step by step on the same crops, then each on its own. */
export async function runLearn(flags: LearnFlags, { stdout, stderr }: Streams): Promise<number> {
  checkPeer(flags.peerPython)
  const scale = scales[flags.scale]
  const out = resolve(flags.out, scale.name)
  const data = await dataOf(flags, scale, out, stderr)
  const row = [...table7, ...table8].find(({ name }) => name === flags.row)!
  const folder = join(out, row.name === 'dino' ? 'learn' : `learn-${row.name}`)

  // Stochastic depth is drawn by each side for itself, so the steps that are to be the same have none.
  const config = resolveConfig({ ...settingsOf(row, scale), data: join(data.folder, 'train'), dropPathRate: 0 })
  const perEpoch = Math.floor(data.train / config.batchSize)
  const most = perEpoch * config.epochs
  if (flags.steps > most) {
    throw new Failure(
      `--steps ${flags.steps}: ${row.name} ends after ${most}, ${config.epochs} epochs of ${perEpoch}.`,
      2,
    )
  }
  const signal = onSignals()
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'same.safetensors')
  stderr.write(`same crops: ours, ${flags.steps} steps\n`)
  const ours = await trainOnCrops(config, join(data.folder, 'train'), file, flags)
  stderr.write('same crops: PyTorch\n')
  const peer = await peerLosses(file)
  if (!peer) return 130
  const own = flags.seeds > 0 ? await ownCrops() : undefined
  if (own === 'interrupted') return 130
  if (own === 'failed') return 1
  const learned = { same: { ours, peer: peer.losses }, ...(own && { own }), peer: `torch ${peer.version}` }
  const about = { command: commandOf(flags), row, scale, machine: machine(await engineOf(flags.engine)) }
  await writeReport(await learnReport(learned, about), flags, out, { stdout, stderr })
  return 0

  /** Undefined: interrupted. */
  async function peerLosses(file: string): Promise<{ losses: number[]; version: string } | undefined> {
    if (signal.aborted) return undefined
    try {
      return await child(flags.peerPython, [script, '--same', file])
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    }
  }

  /** Each side with its own crops and first weights, over the seeds; what is finished is kept. */
  async function ownCrops(): Promise<NonNullable<Learned['own']> | 'interrupted' | 'failed'> {
    const runs = plan({ ...trialExperiment, rows: [row] }, scale, flags.seeds, { out, data, threads: 0 })
    const end = await runPlan(runs, { data: data.folder, measures: ['knn'], jobs: 1, stderr, signal })
    if (end.interrupted) return 'interrupted'
    if (end.failed > 0) return 'failed'
    const { steps } = resultOf(runs[0]!)!
    const peers: number[] = []
    for (const run of runs) {
      try {
        peers.push(await peerRun(run, steps))
      } catch (error) {
        if (!signal.aborted) throw error
      }
      if (signal.aborted) return 'interrupted'
    }
    return { steps, ours: runs.map((run) => resultOf(run)!.knn.teacher), peer: peers }
  }

  async function peerRun({ key, seed, config }: Run, steps: number): Promise<number> {
    const kept = join(folder, `peer-${key}.json`)
    if (!existsSync(kept)) {
      stderr.write(`own crops: PyTorch, seed ${seed}\n`)
      const told = join(folder, 'settings.json')
      const schedule = scheduleOf(config, perEpoch, steps)
      await writeFileAtomic(told, JSON.stringify({ settings: config, schedule, weights: file }))
      const args = [script, '--own', data.folder, '--settings', told, '--seed', String(seed)]
      await writeFileAtomic(kept, JSON.stringify(await child<object>(flags.peerPython, args)))
    }
    return (JSON.parse(readFileSync(kept, 'utf8')) as { knn: number }).knn
  }
}

function commandOf({ scale, row, data, steps, seeds }: LearnFlags): string {
  return benchCommand('learn', {
    'peer-python': 'PEER/bin/python',
    scale,
    row: unless('dino', row),
    data: data && 'DIR',
    steps: unless(300, steps),
    seeds,
  })
}

/** Its name and version. */
async function engineOf(engine: string): Promise<string> {
  const session = await openSession({ engine })
  try {
    return engineName(session)
  } finally {
    await session.close()
  }
}
