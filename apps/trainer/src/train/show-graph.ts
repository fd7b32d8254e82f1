import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { TrainConfig } from '../config/schema.js'
import { Failure, type TrainIO } from '../report/io.js'
import { openEventFile } from '../report/tensorboard.js'
import { trainStep } from './compile-step.js'
import { initStudent } from './model.js'
import { openEngine } from './open-engine.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

export interface ShowGraphOptions {
  /** Print the program. */
  print: boolean
  /** Where to write it: a .pb file, or a folder for TensorBoard. */
  dump?: string
}

/** `dino train --print-graph` and `--dump-graph`: the program of a step as it would run here; no image is read. */
export async function showGraph(config: TrainConfig, io: TrainIO, { print, dump }: ShowGraphOptions): Promise<number> {
  if (config.engine === 'eager') {
    throw new Failure('--print-graph, --dump-graph: the eager engine has no graph. Leave --engine eager out.', 2)
  }
  const session = await openEngine(config, io)
  try {
    const setup = setupOf(config)
    await session.create(initialState(setup, initStudent(setup, config.seed)))
    const { programs } = await trainStep(session, setup, config, config.freezeLastLayer > 0)
    for (const { compiled, calls } of programs) {
      const { name, nodes } = compiled.program!
      if (print) {
        const times = calls > 1 ? `, ${calls} times a step` : ''
        io.stdout.write(`# ${name}: ${nodes.length} nodes${times}\n${compiled.print({ scopes: true })}\n\n`)
      }
      if (dump === undefined) continue
      const path = write(dump, programs.length > 1 ? name : undefined, compiled.graphDef())
      io.stderr.write(`${name}: ${nodes.length} nodes in ${path}\n`)
    }
    if (dump !== undefined && extname(dump) !== '.pb') io.stderr.write(`Look at it: tensorboard --logdir ${dump}\n`)
    return 0
  } finally {
    await session.close()
  }
}

/** @param part what to call it where a step is several programs @returns the file */
function write(path: string, part: string | undefined, graph: Uint8Array): string {
  const name = part?.replace(/\W+/g, '-').replace(/-$/, '')
  try {
    if (extname(path) !== '.pb') {
      const events = openEventFile(name ? join(path, name) : path)
      events.graph(graph)
      events.close()
      return events.path
    }
    const file = name ? join(dirname(path), `${basename(path, '.pb')}.${name}.pb`) : path
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, graph)
    return file
  } catch (error) {
    throw new Failure(`--dump-graph: cannot write ${path}: ${(error as Error).message}`, 1, { cause: error })
  }
}
