import { spawn } from 'node:child_process'
import { Failure } from './failure.js'

/** Runs a process to its end; its last line is the result. */
export async function child<T>(command: string, args: string[]): Promise<T> {
  const last = (await output(command, args)).trim().split('\n').at(-1) ?? ''
  if (last.startsWith('{')) return JSON.parse(last) as T
  throw new Failure(`${command} ${args.join(' ')}: expected a line of JSON at its end, got ${JSON.stringify(last)}.`, 1)
}

/** Runs a process to its end, and gives all that it printed. */
export function output(command: string, args: string[]): Promise<string> {
  return new Promise((done, failed) => {
    const started = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    started.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    started.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    started.on('error', (error) => failed(new Failure(`Cannot start ${command}: ${error.message}`, 1)))
    started.on('close', (code, signal) => {
      if (code === 0) done(output)
      else
        failed(
          new Failure(
            `${command} ${args.join(' ')} ended with ${signal ?? `code ${code}`}:\n${errors.trim().slice(-2000)}`,
            1,
          ),
        )
    })
  })
}
