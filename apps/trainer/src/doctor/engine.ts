import { existsSync } from 'node:fs'
import { access, constants, statfs } from 'node:fs/promises'
import { createRequire } from 'node:module'
import os from 'node:os'
import { dirname, join } from 'node:path'
import {
  countGpus,
  type Device,
  type describeEngine,
  type Engine,
  EngineError,
  engineCache,
  findEngine,
  installationBytes,
  listEngines,
  listPythons,
} from '@dino/graph/engine'
import { told } from '../engines.js'
import { bytes } from '../report/format.js'
import type { TrainIO } from '../report/io.js'
import { inChild } from './child.js'
import type { Finding } from './finding.js'

type Env = TrainIO['env']

/** Whether there is an engine, and that it loads: in a process of its own, which a wrong library may take down. */
export async function checkEngine(env: Env, path?: string): Promise<Finding[]> {
  const passedOver: Finding[] = []
  let engine: Engine
  try {
    engine = await findEngine({
      install: false,
      env,
      ...(path !== undefined && { path }),
      onProgress: ({ message }) => {
        if (message) passedOver.push({ name: 'engine', status: 'note', found: message })
      },
    })
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (error.code !== 'not-found') return [{ name: 'engine', status: 'problem', found: error.message }]
    const found = 'none on this machine yet'
    const advice = 'The first training fetches it (274 MB, once); `dino engine install` does so now.'
    return [...passedOver, { name: 'engine', status: 'note', found, advice }]
  }
  const details = { ...engine }
  return [
    ...passedOver,
    { name: 'engine', status: 'ok', found: told(engine), details },
    await checkLoading(engine, env),
  ]
}

/** What ends a process that loads a library which does not fit. */
const signals: Partial<Record<NodeJS.Signals, string>> = {
  SIGILL: 'the CPU lacks an instruction that it was built with',
  SIGBUS: 'a library is cut short',
  SIGSEGV: 'a library is damaged, or its two do not belong together',
}

async function checkLoading(engine: Engine, env: Env): Promise<Finding> {
  const body = `return (await load('@dino/graph/engine')).describeEngine(args)`
  const outcome = await inChild<Awaited<ReturnType<typeof describeEngine>>>(body, engine, {
    env: { ...env, TF_CPP_MIN_LOG_LEVEL: '1' }, // Warnings too: they name the CUDA libraries that are missing.
  })
  if ('failed' in outcome) {
    const why = outcome.signal && signals[outcome.signal] ? ` (${signals[outcome.signal]})` : ''
    const again =
      engine.origin === 'cache'
        ? `Fetch it again: \`dino engine remove ${engine.version}\`, \`dino engine install\`.`
        : 'Name another libtensorflow.'
    return {
      name: 'loading',
      status: 'problem',
      found: `the engine does not load: ${outcome.failed}${why}`,
      advice: `${again} Or run with --engine eager.`,
      details: { stderr: outcome.stderr },
    }
  }
  const { version, devices } = outcome.result
  const threads = os.availableParallelism()
  const found = `loads as TensorFlow ${version}; ${devices.map(deviceText).join(', ')}; ${threads} ${threads === 1 ? 'thread' : 'threads'}`
  const details = { version, devices, threads }
  const missing = outcome.stderr.split('\n').find((line) => /Cannot dlopen|Could not load dynamic library/.test(line))
  if (existsSync('/dev/nvidia0') && !devices.some(({ type }) => type === 'GPU')) {
    const advice =
      missing !== undefined
        ? `TensorFlow says: ${missing.trim()}`
        : (await countGpus()) === 0
          ? "NVIDIA's driver does not answer: `nvidia-smi` should list the GPU."
          : 'Fetch the build that uses it: `dino engine install cuda` (3 GB).'
    return {
      name: 'loading',
      status: 'note',
      found: `${found}; an NVIDIA GPU is here that it does not use`,
      advice,
      details,
    }
  }
  return { name: 'loading', status: 'ok', found, details }
}

function deviceText({ name, type, memoryBytes }: Device): string {
  return type === 'CPU' ? name : `${name} with ${bytes(memoryBytes)}`
}

/** Python and pip, which fetching the engine needs. */
export async function checkPython(env: Env, hasEngine: boolean): Promise<Finding> {
  const pythons = await listPythons({ env })
  const withPip = pythons.find(({ pip }) => pip !== undefined)
  const details = { pythons }
  if (withPip) {
    const found = `Python ${withPip.version} with pip ${withPip.pip}: ${withPip.path}`
    return { name: 'python', status: 'ok', found, details }
  }
  const found = pythons[0] ? `Python ${pythons[0].version} without pip: ${pythons[0].path}` : 'no Python 3 on the PATH'
  if (hasEngine) return { name: 'python', status: 'ok', found: `${found} (only fetching an engine needs it)`, details }
  const advice = pythons[0]
    ? `Install pip (Debian, Ubuntu: \`apt install python3-pip\`; elsewhere \`${pythons[0].path} -m ensurepip\`), or set DINO_ENGINE.`
    : 'Install Python 3 with pip (Debian, Ubuntu: `apt install python3-pip`), or set DINO_ENGINE.'
  return { name: 'python', status: 'problem', found, advice, details }
}

/** The cache's folder: what is in it, whether it can be written, and whether an engine still fits. */
export async function checkCache(env: Env, hasEngine: boolean): Promise<Finding> {
  const cache = engineCache(env)
  const engines = await listEngines({ env })
  let existing = cache
  while (!existsSync(existing)) existing = dirname(existing)
  const { bavail, bsize } = await statfs(existing)
  const free = bavail * bsize
  const writable = await access(existing, constants.W_OK).then(
    () => true,
    () => false,
  )
  const size = engines.reduce((sum, engine) => sum + engine.bytes, 0)
  const content = engines.length > 0 ? `${engines.map(({ version }) => version).join(', ')} (${bytes(size)})` : 'empty'
  const found = `${cache}: ${content}, ${bytes(free)} free`
  const details = { cache, engines: engines.map(({ dir }) => dir), bytes: size, free, writable }
  const needed = installationBytes()
  if (hasEngine || needed === undefined) return { name: 'cache', status: 'ok', found, details }
  if (!writable) {
    const advice = 'Set XDG_CACHE_HOME to a folder that can be written.'
    return { name: 'cache', status: 'problem', found: `${found}; it cannot be written`, advice, details }
  }
  if (free < needed) {
    const advice = `Fetching the engine takes ${bytes(needed)} for a while. Free some space, or set XDG_CACHE_HOME to a larger disk.`
    return { name: 'cache', status: 'problem', found, advice, details }
  }
  return { name: 'cache', status: 'ok', found, details }
}

/** The TensorFlow.js backend that `--engine eager` would choose. */
export async function checkEager(env: Env): Promise<Finding> {
  const body = `
    const { openSession } = await load('@dino/graph')
    const session = await openSession({ engine: 'eager' })
    await session.close()
    return session.engine`
  const outcome = await inChild<{ backend: string; reason: string; version: string }>(body, {}, { env })
  if ('failed' in outcome) {
    const found = `--engine eager does not start: ${outcome.failed}`
    const advice = 'Install the dependencies again (`pnpm install`).'
    return { name: 'eager', status: 'problem', found, advice, details: { stderr: outcome.stderr } }
  }
  const { backend, version } = outcome.result
  const found = `--engine eager runs on TensorFlow.js ${version}, backend ${backend}`
  return { name: 'eager', status: 'ok', found, details: { ...outcome.result } }
}

/** The native addon of tfjs-node-gpu, which is not needed. */
export function checkAddon(): Finding {
  const fromHere = createRequire(import.meta.url)
  let folder: string | undefined
  try {
    const fromGraph = createRequire(fromHere.resolve('@dino/graph'))
    folder = dirname(fromGraph.resolve('@tensorflow/tfjs-node-gpu/package.json'))
  } catch {
    return {
      name: 'addon',
      status: 'note',
      found: 'tfjs-node-gpu is not installed',
      advice: 'Install the dependencies again.',
    }
  }
  const present = ['napi-v8', 'napi-v9'].some((api) => existsSync(join(folder, 'lib', api, 'tfjs_binding.node')))
  const found = `tfjs-node-gpu's native addon is ${present ? 'built' : 'not built'} (not needed: the engine takes its place)`
  return { name: 'addon', status: 'ok', found, details: { folder, present } }
}
