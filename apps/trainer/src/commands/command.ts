import type { CommandContext } from '@stricli/core'
import { Failure, type TrainIO } from '../report/io.js'

/** What every command runs in. */
export interface Context extends CommandContext {
  readonly process: CommandContext['process'] & { exitCode?: number | string | null }
  readonly io: TrainIO
}

/** The work of a command: plain options in, exit code out, callable without a command line. */
export type Work<OPTIONS> = (options: OPTIONS, io: TrainIO) => Promise<number>

/** A Stricli loader for `work`, which is imported when the command runs; positional arguments get the names given. */
export function loading<OPTIONS>(load: () => Promise<Work<OPTIONS>>, ...positional: (keyof OPTIONS & string)[]) {
  return async () => {
    const work = await load()
    return async function (this: Context, flags: object, ...args: unknown[]): Promise<void> {
      const named = Object.fromEntries(args.map((arg, i) => [positional[i]!, arg]))
      this.process.exitCode = await work({ ...flags, ...named } as OPTIONS, this.io)
    }
  }
}

/** The same for a command that takes any number of positional arguments, as one list. */
export function loadingList<OPTIONS>(load: () => Promise<Work<OPTIONS>>, positional: keyof OPTIONS & string) {
  return async () => {
    const work = await load()
    return async function (this: Context, flags: object, ...args: unknown[]): Promise<void> {
      this.process.exitCode = await work({ ...flags, [positional]: args } as OPTIONS, this.io)
    }
  }
}

/**
 * Work that has nothing to save when Ctrl-C comes: it is left where it is, and the exit code is 130.
 * Training, which saves, looks at the signal itself.
 */
export function interruptible<OPTIONS>(work: Work<OPTIONS>): Work<OPTIONS> {
  return (options, io) => {
    const interrupted = new Promise<number>((done) => {
      if (io.signal.aborted) done(130)
      io.signal.addEventListener('abort', () => done(130), { once: true })
    })
    return Promise.race([work(options, io), interrupted])
  }
}

/** Parser of a whole number from `low`, for flags that no setting of the schema backs. */
export function wholeNumber(low: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && Number.isInteger(value) && value >= low) return value
    throw new Failure(`expected a whole number, at least ${low}, got ${JSON.stringify(text)}`, 2)
  }
}

/** Parser of a number above 0. */
export function above0(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value > 0) return value
  throw new Failure(`expected a number, above 0, got ${JSON.stringify(text)}`, 2)
}

/** Parser of a number from 0. */
export function atLeast0(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new Failure(`expected a number, at least 0, got ${JSON.stringify(text)}`, 2)
}

/** Parser of a share, 0 to 1. */
export function share(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 1) return value
  throw new Failure(`expected a number, 0 to 1, got ${JSON.stringify(text)}`, 2)
}

/** Parser of a switch; given alone it is on. */
export function onOrOff(text: string): boolean {
  if (/^(on|true|1|)$/i.test(text)) return true
  if (/^(off|false|0)$/i.test(text)) return false
  throw new Failure(`expected on or off, got ${JSON.stringify(text)}`, 2)
}
