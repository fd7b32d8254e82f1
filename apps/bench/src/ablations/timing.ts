import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '@dino/weights/node'
import { child } from '../child.js'
import { median } from '../median.js'
import type { Data } from './data.js'
import type { Cost, Experiment } from './experiment.js'
import type { Run } from './plan.js'
import { resultOf } from './result.js'

/** What one process of a row says: its steps with the machine to themselves. */
export interface Timed {
  secondsPerStep: number
  /** Peak of the process, which does nothing but train. */
  bytes: number
}

/** EXPERIMENT.json in the folder timing: kept while the machine is the same. */
interface Kept {
  /** Times of two machines do not compare. */
  machine: string
  /** By the key of a run. */
  rows: Record<string, Timed[]>
}

const besideThis = fileURLToPath(new URL('./cli.js', import.meta.url)) // once built

export interface TimeRowsOptions {
  out: string
  data: Pick<Data, 'folder'>
  stderr: { write(text: string): unknown }
  signal: AbortSignal
  /** Processes of each row; the median counts. */
  rounds?: number
  /** The built bench. */
  cli?: string
}

/**
 * What each finished row of a table costs: some steps of its training, every row in turn in a process that has the machine to itself,
 * in rounds. Runs that went side by side, or on another day, would not compare. A row that is new has all of them timed again; one that
 * cannot be timed is told and left out.
 */
export async function timeRows(
  { name, rows }: Pick<Experiment, 'name' | 'rows'>,
  runs: readonly Run[],
  { out, data, stderr, signal, rounds = 3, cli = besideThis }: TimeRowsOptions,
): Promise<{ costs: Map<string, Cost>; failed: number; interrupted: boolean }> {
  const ofRows = rows.flatMap((row) => runs.find((run) => run.row.name === row.name && resultOf(run)) ?? [])
  const folder = join(out, 'timing')
  const file = join(folder, `${name}.json`)
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : undefined
  const usable = before?.machine === machine && ofRows.every(({ key }) => before.rows[key])
  const kept: Kept = usable ? before : { machine, rows: Object.fromEntries(ofRows.map(({ key }) => [key, []])) }
  const failed = new Set<Run>()
  await mkdir(folder, { recursive: true })
  for (let round = 0; round < rounds; round++) {
    for (const run of ofRows) {
      if (kept.rows[run.key]!.length > round || failed.has(run)) continue
      if (signal.aborted) return { costs: new Map(), failed: failed.size, interrupted: true }
      stderr.write(`${run.row.name}: timed alone, ${round + 1} of ${rounds}\n`)
      try {
        const args = [cli, 'row-timing', run.folder, '--data', data.folder, '--scratch', folder]
        kept.rows[run.key]!.push(await child<Timed>(process.execPath, args))
        await writeFileAtomic(file, `${JSON.stringify(kept, null, 2)}\n`)
      } catch (error) {
        if (signal.aborted) continue // Ctrl-C ended the child as well
        failed.add(run)
        stderr.write(`${run.row.name}: not timed: ${(error as Error).message.trim().split('\n').at(-1)}\n`)
      }
    }
  }
  const timed = ofRows.filter(({ key }) => kept.rows[key]!.length > 0)
  const costs = new Map(timed.map((run) => [run.row.name, costOf(run, kept.rows[run.key]!)]))
  return { costs, failed: failed.size, interrupted: signal.aborted }
}

function costOf(run: Run, timed: readonly Timed[]): Cost {
  const secondsPerStep = median(timed.map((each) => each.secondsPerStep))
  return {
    seconds: resultOf(run)!.steps * secondsPerStep,
    imagesPerSecond: run.config.batchSize / secondsPerStep,
    gigabytes: median(timed.map(({ bytes }) => bytes)) / 1e9,
  }
}
