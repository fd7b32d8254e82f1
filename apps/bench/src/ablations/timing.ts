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

/** EXPERIMENT.json in the folder timing: kept while rows and machine are the same. */
interface Kept {
  /** Times of two machines do not compare. */
  machine: string
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
 * in rounds. Runs that went side by side, or on another day, would not compare.
 */
export async function timeRows(
  { name, rows }: Pick<Experiment, 'name' | 'rows'>,
  runs: readonly Run[],
  { out, data, stderr, signal, rounds = 3, cli = besideThis }: TimeRowsOptions,
): Promise<Map<string, Cost>> {
  const ofRows = rows.flatMap((row) => runs.find((run) => run.row.name === row.name && resultOf(run)) ?? [])
  const file = join(out, 'timing', `${name}.json`)
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : undefined
  const usable = before?.machine === machine && ofRows.every(({ key }) => (before.rows[key]?.length ?? 0) >= rounds)
  const kept: Kept = usable ? before : { machine, rows: {} }
  if (!usable) {
    for (let round = 0; round < rounds; round++) {
      for (const run of ofRows) {
        if (signal.aborted) return new Map()
        stderr.write(`${run.row.name}: timed alone, ${round + 1} of ${rounds}\n`)
        const timed = await child<Timed>(process.execPath, [
          cli,
          'row-timing',
          run.folder,
          '--data',
          data.folder,
        ]).catch((error: unknown) => {
          if (!signal.aborted) throw error // a child that Ctrl-C ended
        })
        if (!timed) return new Map()
        ;(kept.rows[run.key] ??= []).push(timed)
      }
    }
    await mkdir(join(out, 'timing'), { recursive: true })
    await writeFileAtomic(file, `${JSON.stringify(kept, null, 2)}\n`)
  }
  return new Map(ofRows.map((run) => [run.row.name, costOf(run, kept.rows[run.key]!)]))
}

function costOf(run: Run, timed: readonly Timed[]): Cost {
  const secondsPerStep = median(timed.map((each) => each.secondsPerStep))
  return {
    seconds: resultOf(run)!.steps * secondsPerStep,
    imagesPerSecond: run.config.batchSize / secondsPerStep,
    gigabytes: median(timed.map(({ bytes }) => bytes)) / 1e9,
  }
}
