#!/usr/bin/env node
import { complete, runApp } from './app.js'
import type { TrainIO } from './report/io.js'

const stop = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  })
}

// A reader that leaves early (`dino recipes | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

// Nobody reads what training says any more: it saves and ends.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  stop.abort()
})

const io: TrainIO = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  signal: stop.signal,
  // A pseudo-terminal of no size, as some CI systems have, can't show a line that is rewritten.
  isTTY: process.stderr.isTTY === true && process.stderr.columns > 0 && process.stderr.rows > 0,
}

const args = process.argv.slice(2)
if (args[0] === '__complete') {
  for (const word of await complete(args.slice(1), io)) process.stdout.write(`${word}\n`)
} else {
  process.exitCode = await runApp(args, io)
  // Work that Ctrl-C left where it was may still hold the process.
  if (process.exitCode === 130) process.exit()
}
