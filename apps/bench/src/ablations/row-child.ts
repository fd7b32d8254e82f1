import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { isLocked, runApp, type TrainConfig, type TrainIO } from '@dino/trainer'
import { writeFileAtomic } from '@dino/weights/node'
import type { Measure } from './experiment.js'
import { machine } from './machine.js'
import { readMetrics } from './read-metrics.js'
import { type RunResult, resultOf } from './result.js'

export interface RowChildFlags {
  /** Folder with train/ and val/. */
  data: string
  measures: Measure[]
  /** Train on labels, with this learning rate for 512 images a step. */
  supervisedLr?: number
}

/**
 * One run from start to end, or from where it stopped: training, then its measures, then result.json. A process of its own: what it
 * takes of memory is told apart, and when the bench is killed, it saves and ends too.
 *
 * @param folder of the run; FOLDER.json holds its settings
 */
export async function runRow(folder: string, { data, measures, supervisedLr }: RowChildFlags): Promise<number> {
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
    const before = resultOf({ folder })
    const trained =
      supervisedLr === undefined
        ? await selfSupervised(command, folder, data, measures)
        : await supervised(command, folder, data, supervisedLr)
    const result: RunResult = {
      key: folder.split(/[\\/]/).at(-1)!,
      seed: trained.config.seed,
      ...trained,
      // A run that is measured once more has trained before, in another process.
      bytes: Math.max(process.resourceUsage().maxRSS * 1024, before?.bytes ?? 0),
      chance: await chance(data),
      machine: machine(engine.heard() ?? before?.machine.engine ?? trained.config.engine),
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

type Command = (...args: string[]) => Promise<string>
type Trained = Omit<RunResult, 'key' | 'seed' | 'bytes' | 'chance' | 'machine'>

/** DINO or a method made of its parts: teacher and student, and a probe on the teacher if that is measured. */
async function selfSupervised(
  command: Command,
  folder: string,
  data: string,
  measures: readonly Measure[],
): Promise<Trained> {
  await command('train', '--config', `${folder}.json`, '--output-dir', folder)
  const teacher = await knnOf(command, data, folder, '--network', 'teacher')
  const student = await knnOf(command, data, folder, '--network', 'student')
  const linear = measures.includes('linear') ? await linearOf(command, folder, data) : undefined
  return {
    ...readMetrics(join(folder, 'metrics.jsonl')),
    knn: { teacher, student },
    ...(linear !== undefined && { linear }),
    config: configOf(folder),
  }
}

/** The same backbone with a classifier: its accuracy stands where the others' probe does. */
async function supervised(command: Command, folder: string, data: string, lr: number): Promise<Trained> {
  const like = join(folder, 'like') // a step of the row's own network says what to make
  await command('train', '--config', `${folder}.json`, '--output-dir', like, '--max-steps', '1')
  const config = { ...configOf(like), outputDir: folder }
  const { epochs, batchSize, seed, precision } = config
  const goesOn = existsSync(join(folder, 'checkpoint.safetensors'))
  const began = performance.now()
  const told = await command(
    ...['eval', 'finetune', 'random', '--like', like, '--data', data, '--output-dir', folder, '--json'],
    ...['--epochs', String(epochs), '--batch-size', String(batchSize), '--lr', String(lr)],
    ...['--seed', String(seed), '--precision', precision],
  )
  const seconds = (performance.now() - began) / 1000
  const found = JSON.parse(told) as { top1: number; train: number; scores: { epoch: number; loss: number }[] }
  const perEpoch = Math.floor(found.train / batchSize)
  const knn = await knnOf(command, data, join(folder, 'weights.safetensors'))
  return {
    steps: perEpoch * epochs,
    secondsPerStep: goesOn ? 0 : seconds / (perEpoch * epochs),
    curve: found.scores.map(({ epoch, loss }) => ({ step: epoch * perEpoch, loss })),
    knnCurve: [],
    end: { loss: found.scores.at(-1)!.loss },
    knn: { teacher: knn, student: knn },
    linear: found.top1,
    config,
  }
}

async function knnOf(command: Command, data: string, checkpoint: string, ...more: string[]): Promise<number> {
  const text = await command('eval', 'knn', checkpoint, '--data', data, '--k', '20', ...more, '--json')
  return (JSON.parse(text) as { knn: Record<number, { top1: number }> }).knn[20]!.top1
}

async function linearOf(command: Command, folder: string, data: string): Promise<number> {
  return (JSON.parse(await command('eval', 'linear', folder, '--data', data, '--json')) as { top1: number }).top1
}

function configOf(folder: string): TrainConfig {
  return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as TrainConfig
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
