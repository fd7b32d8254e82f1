import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runApp, type TrainIO } from '@dino/trainer'
import { Failure } from '../failure.js'
import { readMetrics } from './read-metrics.js'
import type { Timed } from './timing.js'

export interface TimingChildFlags {
  data: string
  scratch: string
}

/** Enough for a median; the first ones compile and warm up. */
const STEPS = 40

/**
 * Some steps of a run's training on all cores, not scored, and thrown away.
 *
 * @param folder of the run; FOLDER.json holds its settings
 * @param where data with train/, and a folder for what is thrown away
 */
export async function timeRow(folder: string, { data, scratch }: TimingChildFlags): Promise<Timed> {
  const place = await mkdtemp(join(scratch, 'run-'))
  const said: string[] = []
  const quiet = { write: (text: string) => said.push(text) }
  const io = { stdout: quiet, stderr: quiet, env: process.env, isTTY: false, signal: new AbortController().signal }
  try {
    const run = join(place, 'run')
    const asked = ['--data', join(data, 'train'), '--output-dir', run, '--max-steps', String(STEPS)]
    const plain = ['--log-freq', '1', '--knn-freq', '0', '--threads', '0']
    const code = await runApp(['train', '--config', `${folder}.json`, ...asked, ...plain], io as unknown as TrainIO)
    if (code !== 0) throw new Failure(said.join('').trim().split('\n').at(-1) ?? `code ${code}`, 1)
    const { secondsPerStep } = readMetrics(join(run, 'metrics.jsonl'))
    return { secondsPerStep, bytes: process.resourceUsage().maxRSS * 1024 }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}
