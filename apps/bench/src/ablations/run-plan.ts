import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { freemem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeFileAtomic } from '@dino/weights/node'
import { relativeCost } from './cost.js'
import type { Measure } from './experiment.js'
import type { Run } from './plan.js'
import { resultOf } from './result.js'

export interface RunPlanOptions {
  data: string
  measures: readonly Measure[]
  /** Runs side by side. */
  jobs: number
  stderr: { write(text: string): unknown }
  signal: AbortSignal
}

export interface PlanEnd {
  done: number
  failed: number
  interrupted: boolean
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built

/**
 * Makes every run that has no result yet, each in a process of its own. A run that was stopped goes on from its checkpoint, one that
 * fails is told and leaves the others alone.
 */
export async function runPlan(runs: readonly Run[], options: RunPlanOptions): Promise<PlanEnd> {
  const { jobs, stderr, signal } = options
  const wanted = [...new Map(runs.map((run) => [run.key, run])).values()]
  const todo = wanted.filter((run) => lacks(run, options.measures))
  const kept = wanted.length - todo.length
  if (kept > 0) stderr.write(`${kept} of ${wanted.length} runs are there already.\n`)
  const end: PlanEnd = { done: 0, failed: 0, interrupted: false }
  const children = new Set<ChildProcess>()
  const stop = () => {
    for (const child of children) child.kill('SIGINT')
  }
  signal.addEventListener('abort', stop, { once: true })
  const clock = estimator(todo)
  const free = freemem()
  const sizes = wanted.flatMap((run) => resultOf(run)?.bytes ?? [])
  let largest = sizes.length > 0 ? Math.max(...sizes) : undefined
  const running = new Set<Promise<void>>()

  const make = async (run: Run): Promise<void> => {
    stderr.write(`${name(run)}: begins${clock.left(jobs)}\n`)
    const began = performance.now()
    const { code, said } = await runOne(run, options, children)
    end.interrupted ||= signal.aborted || code === 130
    if (end.interrupted) return
    const seconds = (performance.now() - began) / 1000
    const result = code === 0 ? resultOf(run) : undefined
    if (result) {
      largest = Math.max(largest ?? 0, result.bytes)
      clock.done(run, seconds)
      end.done++
      stderr.write(`${name(run)}: k-NN ${result.knn.teacher.toFixed(1)} %, ${Math.round(seconds)} s\n`)
    } else {
      await writeFileAtomic(`${run.folder}.failed`, said)
      end.failed++
      stderr.write(`${name(run)}: failed: ${said.trim().split('\n').at(-1)}\n`)
    }
  }
  for (const run of todo) {
    while (running.size >= sideBySide(jobs, free, largest)) await Promise.race(running)
    if (end.interrupted || signal.aborted) break
    const made: Promise<void> = make(run).finally(() => running.delete(made))
    running.add(made)
  }
  await Promise.all(running)
  end.interrupted ||= signal.aborted
  return end
}

/**
 * Runs that memory holds, of those asked for; one while none has ended, which tells how much a run takes.
 *
 * @param free bytes before the first began
 * @param largest bytes of a run
 */
export function sideBySide(jobs: number, free: number, largest: number | undefined): number {
  const margin = 1.2
  return largest === undefined ? 1 : Math.min(jobs, Math.max(1, Math.floor(free / (margin * largest))))
}

/** Whether a run still has to be made, or measured in another way. */
function lacks(run: Run, measures: readonly Measure[]): boolean {
  const result = resultOf(run)
  return !result || (measures.includes('linear') && result.linear === undefined)
}

async function runOne(
  run: Run,
  { data, measures }: RunPlanOptions,
  children: Set<ChildProcess>,
): Promise<{ code: number | null; said: string }> {
  await mkdir(join(run.folder, '..'), { recursive: true })
  await rm(`${run.folder}.failed`, { force: true })
  const { outputDir: _, ...settings } = run.config
  await writeFileAtomic(`${run.folder}.json`, `${JSON.stringify(settings, null, 2)}\n`)
  const args = [
    ...[cli, 'row-child', run.folder, '--data', data, '--measures', measures.join(',')],
    ...(run.supervisedLr === undefined ? [] : ['--supervised-lr', String(run.supervisedLr)]),
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  children.add(child)
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-8000)))
  try {
    return await new Promise((ended, failed) => {
      child.on('error', failed)
      child.on('close', (code, signal) => ended({ code, said: signal ? `${said}\nended by ${signal}` : said }))
    })
  } finally {
    children.delete(child)
  }
}

/** What is left to do, from how long the runs of this call took for their work. */
function estimator(todo: readonly Run[]) {
  let left = todo.reduce((sum, run) => sum + relativeCost(run.config), 0)
  let work = 0
  let seconds = 0
  return {
    done(run: Run, took: number) {
      const cost = relativeCost(run.config)
      left -= cost
      work += cost
      seconds += took
    },
    left(jobs: number): string {
      if (work === 0) return ''
      const minutes = (left * seconds) / work / jobs / 60
      return `, about ${minutes < 1 ? '1' : Math.round(minutes)} min left in all`
    },
  }
}

function name({ row, seed }: Run): string {
  return `${row.name}, seed ${seed}`
}
