import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { isLocked, runApp, type TrainIO } from '@dino/trainer'
import { writeFileAtomic } from '@dino/weights/node'
import type { Measure } from './experiment.js'
import { machine } from './machine.js'
import { readMetrics } from './read-metrics.js'
import { type RunResult, resultOf } from './result.js'

export interface RowChildFlags {
  /** Folder with train/ and val/. */
  data: string
  measures: Measure[]
}

/**
 * One run from start to end, or from where it stopped: training, then its measures, then result.json. A process of its own: what it
 * takes of memory is told apart, and when the bench is killed, it saves and ends too.
 *
 * @param folder of the run; FOLDER.json holds its settings
 */
export async function runRow(folder: string, { data, measures }: RowChildFlags): Promise<number> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
  const parent = process.ppid
  setInterval(() => process.ppid !== parent && stop.abort(), 500).unref()

  const said = collector()
  const engine = listener(/^Engine: (.*?)\.?$/m)
  const io: TrainIO = {
    stdout: said.stream,
    stderr: engine.stream,
    env: process.env,
    signal: stop.signal,
    isTTY: false,
  }
  const command = async (...args: string[]): Promise<string> => {
    said.clear()
    const code = await runApp(args, io)
    if (code === 130 || stop.signal.aborted) throw new Interrupted()
    if (code !== 0) throw new Error(`dino ${args.slice(0, 2).join(' ')} ended with code ${code}.`)
    return said.text()
  }
  try {
    await mkdir(folder, { recursive: true })
    await untilFree(folder, stop.signal)
    await command('train', '--config', `${folder}.json`, '--output-dir', folder)
    // A run that is measured once more has trained before, in another process.
    const before = resultOf({ folder })
    const bytes = Math.max(process.resourceUsage().maxRSS * 1024, before?.bytes ?? 0)
    const metrics = readMetrics(join(folder, 'metrics.jsonl'))
    const knnOf = async (network: string) => {
      const text = await command('eval', 'knn', folder, '--data', data, '--k', '20', '--network', network, '--json')
      return JSON.parse(text) as { knn: Record<number, { top1: number }> }
    }
    const teacher = (await knnOf('teacher')).knn[20]!.top1
    const student = (await knnOf('student')).knn[20]!.top1
    const linear = measures.includes('linear') ? await linearOf(command, folder, data) : undefined
    const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as RunResult['config']
    const result: RunResult = {
      key: folder.split(/[\\/]/).at(-1)!,
      seed: config.seed,
      ...metrics,
      bytes,
      knn: { teacher, student },
      ...(linear !== undefined && { linear }),
      chance: await chance(data),
      config,
      machine: machine(engine.heard() ?? before?.machine.engine ?? config.engine),
    }
    await writeFileAtomic(join(folder, 'result.json'), `${JSON.stringify(result)}\n`)
    return 0
  } catch (error) {
    if (error instanceof Interrupted) return 130
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    return 1
  }
}

/** A bench that was killed leaves a child that still saves and ends: its run is gone on with when it has. */
async function untilFree(folder: string, signal: AbortSignal): Promise<void> {
  const patience = performance.now() + 60_000
  while (isLocked(folder) && performance.now() < patience) {
    if (signal.aborted) throw new Interrupted()
    await new Promise((later) => setTimeout(later, 100))
  }
}

class Interrupted extends Error {}

async function linearOf(
  command: (...args: string[]) => Promise<string>,
  folder: string,
  data: string,
): Promise<number> {
  const found = JSON.parse(await command('eval', 'linear', folder, '--data', data, '--json')) as { top1: number }
  return found.top1
}

/** Share of the commonest class of val/, percent: what naming it always would score. */
async function chance(data: string): Promise<number> {
  const { readdir } = await import('node:fs/promises')
  const val = join(data, 'val')
  if (!existsSync(val)) return 0
  const sizes = await Promise.all((await readdir(val)).map(async (name) => (await readdir(join(val, name))).length))
  return (100 * Math.max(...sizes)) / sizes.reduce((sum, size) => sum + size, 0)
}

/** Passes all on to stderr, and remembers what a pattern finds. */
function listener(pattern: RegExp) {
  let heard: string | undefined
  const stream: TrainIO['stderr'] = {
    write(text) {
      heard = pattern.exec(text)?.[1] ?? heard
      return process.stderr.write(text)
    },
  }
  return { stream, heard: () => heard }
}

function collector() {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return {
    stream: stream as unknown as TrainIO['stdout'],
    text: () => text,
    clear: () => {
      text = ''
    },
  }
}
