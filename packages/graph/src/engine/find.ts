import { join } from 'node:path'
import { engineCache } from './cache.js'
import { countGpus } from './driver.js'
import { EngineError, WAYS_OUT } from './error.js'
import { installEngine, releaseForThisMachine } from './install.js'
import { type Engine, engineAt, engineInCache } from './libraries.js'
import type { OnProgress } from './progress.js'
import { askPython, type Env, pythons } from './python.js'
import { cudaReleaseFor, releaseFor } from './release.js'

export interface FindOptions {
  /** A folder that holds libtensorflow; nothing else is tried then. */
  path?: string
  /** Whether to take the build for NVIDIA's GPUs, if it is in the cache and a driver answers. Default true. */
  gpu?: boolean
  /** Whether to fetch the engine if none is found. Default true. */
  install?: boolean
  /** Told what is looked at and refused, and about a download. */
  onProgress?: OnProgress
  /** Ends a download, which then leaves nothing behind. */
  signal?: AbortSignal
  /** Environment variables. Default process.env. */
  env?: Env
}

/**
 * Finds libtensorflow: the path given, else DINO_ENGINE, else our cache (the build for NVIDIA's GPUs first, where a driver answers),
 * else the TensorFlow of a Python on this machine (used where it lies, with its CUDA if it has it), else it is fetched once with pip.
 *
 * A path or DINO_ENGINE that does not fit is an error; a Python's TensorFlow that does not fit is passed over and told to
 * `onProgress`.
 */
export async function findEngine(options: FindOptions = {}, gpus = countGpus): Promise<Engine> {
  const { path, gpu = true, install = true, onProgress = () => {}, env = process.env } = options
  if (process.platform === 'win32') releaseForThisMachine() // Throws: the Windows wheel has no such libraries.
  if (path !== undefined) return engineAt(path, 'option', 'The path of the engine')
  if (env.DINO_ENGINE) return engineAt(env.DINO_ENGINE, 'environment', 'DINO_ENGINE')

  const release = releaseFor()
  for (const { version, platform } of [gpu && cudaReleaseFor(), release].filter((build) => !!build)) {
    const cached = engineInCache(join(engineCache(env), `${version}-${platform}`))
    if (!cached || (cached.cuda && (await gpus()) === 0)) continue
    const { manifest: _, ...engine } = cached
    return engine
  }
  const refused: string[] = []
  const ofPython = await engineOfPython(env, (reason) => {
    refused.push(reason)
    onProgress({ phase: 'searching', message: reason })
  })
  if (ofPython) return ofPython
  if (install) return installEngine({ onProgress, env, signal: options.signal })

  releaseForThisMachine()
  throw new EngineError(
    'not-found',
    `There is no TensorFlow engine on this machine: DINO_ENGINE is not set, and ${engineCache(env)} has none. ` +
      `${refused.join(' ') || 'No Python here has a TensorFlow.'} Fetch one with \`dino engine install\`. Or: ${WAYS_OUT}`,
  )
}

async function engineOfPython(env: Env, onRefused: (reason: string) => void): Promise<Engine | undefined> {
  for (const python of pythons(env)) {
    const found = (await askPython(python, env))?.tensorflow
    if (!found) continue
    try {
      return engineAt(found.dir, 'python', `The TensorFlow of ${python}`, found.version)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      onRefused(error.message)
    }
  }
  return undefined
}
