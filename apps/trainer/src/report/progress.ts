import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import { duration, short } from './format.js'
import type { TrainIO } from './io.js'

/** What a step says about itself; losses, entropies and KL in nats. */
export interface StepReport {
  /** Steps taken, this one included. */
  iteration: number
  /** Epoch of this step, from 0. */
  epoch: number
  loss: number
  teacherEntropy?: number
  kl?: number
  outputSpread?: number
  lr: number
  /** Seconds since the step before ended. */
  seconds: number
  /** Seconds of them spent waiting for crops. */
  waited: number
}

export interface ProgressOptions {
  /** Steps of the whole run. */
  total: number
  /** Steps taken before this call. */
  start?: number
  epochs: number
  batchSize: number
  /** Prototypes K: the loss of a collapse to uniform outputs is ln K. */
  outDim: number
  /** Time left to this call by `--max-minutes`, if that ends it first. */
  maxMinutes?: number
  /** Milliseconds; tests pass their own clock. */
  now?: () => number
}

/** The line that tells how training goes: rewritten in place on a terminal, one now and then in a pipe. */
export interface Progress {
  step(report: StepReport): void
  /** A line that stays: a warning, a k-NN score, a checkpoint. */
  note(text: string): void
  /** Leaves the last state of the line where it is. */
  stop(): void
}

const REDRAW_MS = 100
/** Share of the time; below it is noise of the threads that make crops beside the step. */
const LOADER_HOLDS_UP = 0.03
/** A log is read later: dense at first, when something may be wrong, then sparse. */
const PLAIN_MS = [0, 5_000, 10_000, 20_000, 30_000, 60_000]

export function createProgress(io: TrainIO, options: ProgressOptions): Progress {
  const { total, start = 0, now = () => performance.now() } = options
  const began = now()
  const line = io.isTTY ? createLogUpdate(io.stderr as NodeJS.WriteStream, { showCursor: true }) : undefined
  const color = pc.createColors(line !== undefined && !io.env.NO_COLOR && io.env.TERM !== 'dumb')
  const speed = movingAverage()
  const wait = movingAverage()
  const all = { seconds: 0, waited: 0 }
  let last: StepReport | undefined
  let drawn = Number.NEGATIVE_INFINITY
  let plainLines = 0
  let written: StepReport | undefined

  const text = (report: StepReport): string => {
    const left = (total - report.iteration) * speed.mean() * 1000
    const elapsed = now() - began
    const budget = options.maxMinutes === undefined ? Number.POSITIVE_INFINITY : options.maxMinutes * 60_000 - elapsed
    const width = String(total).length
    return [
      `epoch ${report.epoch + 1}/${options.epochs}  step ${String(report.iteration).padStart(width)}/${total}`,
      `loss ${color.bold(report.loss.toFixed(3))}${report.kl === undefined ? '' : ` (ln K ${Math.log(options.outDim).toFixed(2)})`}`,
      ...(report.teacherEntropy === undefined ? [] : [`teacher entropy ${report.teacherEntropy.toFixed(2)}`]),
      ...(report.kl === undefined ? [] : [`KL ${report.kl.toFixed(2)}`]),
      ...(report.outputSpread === undefined ? [] : [`spread ${report.outputSpread.toFixed(2)}`]),
      `lr ${short(report.lr)}`,
      `${short(options.batchSize / speed.mean())} images/s`,
      `waits ${percent(wait.mean() / speed.mean())} for data`,
      report.iteration === total
        ? `done in ${duration(elapsed)}`
        : budget < left
          ? `stops in ${duration(Math.max(0, budget))}`
          : `${duration(left)} left`,
    ].join('  ')
  }

  return {
    step(report) {
      // The first step of a call compiles, so it counts only until there is another.
      const first = report.iteration === start + 1
      speed.add(report.seconds, first)
      wait.add(report.waited, first)
      if (!first) {
        all.seconds += report.seconds
        all.waited += report.waited
      }
      last = report
      const time = now()
      if (line) {
        if (time - drawn < REDRAW_MS && report.iteration !== total) return
        drawn = time
        line(fit(text(report), io.stderr.columns ?? 80))
        return
      }
      const interval = PLAIN_MS[Math.min(plainLines, PLAIN_MS.length - 1)]!
      if (time - drawn < interval && report.iteration !== total) return
      drawn = time
      plainLines++
      written = report
      io.stderr.write(`${text(report)}\n`)
    },
    note(message) {
      line?.clear()
      io.stderr.write(`${message}\n`)
      if (line && last) line(fit(text(last), io.stderr.columns ?? 80))
    },
    stop() {
      if (line) {
        if (last) line(fit(text(last), io.stderr.columns ?? 80))
        line.done()
      } else if (last && last !== written) {
        io.stderr.write(`${text(last)}\n`)
      }
      if (all.seconds > 0) io.stderr.write(`${bottleneck(all.waited / all.seconds)}\n`)
    },
  }
}

/** Which side holds the other up: a step that waits for its crops, or a loader that has them ready. */
function bottleneck(share: number): string {
  return share > LOADER_HOLDS_UP
    ? `Waited for data ${percent(share)} of the time: the loader is the bottleneck. More --num-workers, smaller image files or a faster disk would help.`
    : `Waited for data ${percent(share)} of the time: the step is the bottleneck, the loader keeps up.`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** Mean of about the last 50 durations; a provisional one counts until a real one comes. */
function movingAverage() {
  let mean = 0
  let count = 0
  let provisional = false
  return {
    add(value: number, isProvisional: boolean) {
      if (provisional) count = 0
      provisional = isProvisional
      count = Math.min(count + 1, 50)
      mean += (value - mean) / count
    },
    mean: () => mean,
  }
}

const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g')

/** A line that a terminal would wrap can't be rewritten in place: whole parts are left out from its end. */
function fit(text: string, columns: number): string {
  const parts = text.split('  ')
  const visible = () => parts.join('  ').replace(escapes, '').length
  while (parts.length > 2 && visible() >= columns) parts.splice(parts.length - 2, 1)
  return parts.join('  ')
}
