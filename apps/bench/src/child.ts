import { spawn } from 'node:child_process'
import { Failure } from './failure.js'

/** Runs a process to its end; its last line is the result. */
export function child<T>(command: string, args: string[]): Promise<T> {
  return new Promise((done, failed) => {
    const started = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    started.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    started.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    started.on('error', (error) => failed(new Failure(`Cannot start ${command}: ${error.message}`, 1)))
    started.on('close', (code, signal) => {
      const last = output.trim().split('\n').at(-1) ?? ''
      if (code === 0 && last.startsWith('{')) done(JSON.parse(last) as T)
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
