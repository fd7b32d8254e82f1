import {
  type CachedEngine,
  type Engine,
  EngineError,
  engineCache,
  listEngines as enginesInCache,
  installEngine as fetchEngine,
  findEngine,
  removeEngine as removeFromCache,
} from '@dino/graph/engine'
import type { EngineOptions, InstallEngineOptions, RemoveEngineOptions } from './commands/engine.js'
import { engineProgress } from './report/engine-progress.js'
import { bytes } from './report/format.js'
import type { TrainIO } from './report/io.js'
import { table } from './report/table.js'

/** `dino engine list`: the engines in the cache, and the one that a training would use. */
export async function listEngines({ json }: EngineOptions, { stdout, env }: TrainIO): Promise<number> {
  const installed = await enginesInCache({ env })
  const { used, reason } = await engineInUse(env)
  if (json) {
    stdout.write(`${JSON.stringify({ cache: engineCache(env), installed, used: used ?? null, reason }, null, 2)}\n`)
    return 0
  }
  stdout.write(
    installed.length > 0
      ? `${table(
          ['version', 'platform', 'size', 'folder'],
          installed.map((engine) => [engine.version, engine.platform, bytes(engine.bytes), engine.dir]),
        )}\n\n`
      : `No engine is in ${engineCache(env)}.\n`,
  )
  stdout.write(used ? `Training uses ${told(used)}.\n` : `${reason}\n`)
  return 0
}

/** `dino engine install`: fetches the engine into the cache, or says that it is there. */
export async function installEngine({ json, build }: InstallEngineOptions, io: TrainIO): Promise<number> {
  const { env, signal } = io
  const engine = await fetchEngine({ cuda: build === 'cuda', env, signal, onProgress: engineProgress(io) }).catch(
    (error: unknown) => {
      if (!signal.aborted) throw error
    },
  )
  if (!engine) {
    io.stderr.write('Interrupted; nothing was left behind.\n')
    return 130
  }
  if (json) io.stdout.write(`${JSON.stringify(engine, null, 2)}\n`)
  else if (engine.origin === 'installed') io.stdout.write(`TensorFlow ${engine.version} is now in ${engine.dir}.\n`)
  else io.stdout.write(`TensorFlow ${engine.version} was already in ${engine.dir}.\n`)

  const { used, reason } = await engineInUse(io.env)
  if (!used) io.stderr.write(`But training will not use it: ${reason}\n`)
  else if (used.dir !== engine.dir) {
    const why =
      engine.cuda && used.origin === 'cache' ? "NVIDIA's driver does not answer here, so training" : 'But training'
    io.stderr.write(`${why} uses ${told(used)}.\n`)
  }
  return 0
}

/** `dino engine remove`: deletes a version from the cache. */
export async function removeEngine({ version, json }: RemoveEngineOptions, { stdout, env }: TrainIO): Promise<number> {
  const removed = await removeFromCache(version, { env })
  if (json) stdout.write(`${JSON.stringify(removed, null, 2)}\n`)
  else stdout.write(removed.map((engine) => `Removed ${engine.dir}, ${bytes(engine.bytes)}.\n`).join(''))
  return 0
}

/** The engine that a training would use now, or why there is none; nothing is fetched. */
async function engineInUse(env: TrainIO['env']): Promise<{ used?: Engine; reason?: string }> {
  try {
    return { used: await findEngine({ install: false, env }) }
  } catch (error) {
    if (error instanceof EngineError) return { reason: error.message }
    throw error
  }
}

const origins: Readonly<Record<Engine['origin'], string>> = {
  option: 'the path given',
  environment: 'DINO_ENGINE',
  cache: "dino's cache",
  python: 'a Python on this machine',
  installed: "dino's cache, fetched just now",
}

/** An engine in half a sentence. */
export function told({ version, dir, origin }: Engine | CachedEngine): string {
  return `TensorFlow${version === 'unknown' ? '' : ` ${version}`} of ${origins[origin]}: ${dir}`
}
