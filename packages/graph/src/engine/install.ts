import { chmod, mkdir, mkdtemp, open, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheError, discard, engineCache, makeCache, sweep } from './cache.js'
import { diskFull, downloadWheel, neededBytes, unpackedBytes } from './download.js'
import { EngineError, formatBytes, systemCode } from './error.js'
import { type Engine, engineInCache, MANIFEST, type Manifest } from './libraries.js'
import { lock } from './lock.js'
import type { OnProgress } from './progress.js'
import type { Env } from './python.js'
import {
  compareVersions,
  cudaReleaseFor,
  ENGINE_VERSION,
  OLDEST_GLIBC,
  type Release,
  releaseFor,
  SUPPORTED_PLATFORMS,
  wheelsOf,
} from './release.js'
import { type Unpacked, unpackWheel } from './wheel.js'

export interface InstallOptions {
  /** The build for NVIDIA's GPUs, with the libraries it needs (Linux x64; 3 GB to fetch, 4.6 GB on disk). Default false. */
  cuda?: boolean
  /** Fetch and unpack even if the engine is in the cache. Default false. */
  force?: boolean
  /** Told about each phase, and about bytes while downloading and unpacking. */
  onProgress?: OnProgress
  /** Ends it; nothing is left behind. */
  signal?: AbortSignal
  /** Environment variables. Default process.env. */
  env?: Env
}

/**
 * Fetches the pinned libtensorflow with pip and unpacks its libraries into our cache, or returns it if it is there.
 *
 * May run in several processes at once (one does the work, the others wait for it) and again after an interruption.
 */
export async function installEngine(options: InstallOptions = {}): Promise<Engine> {
  return installRelease(releaseForThisMachine(options.cuda), options)
}

/** Bytes that the disk of the cache must have free for an installation; undefined where none can be made. */
export function installationBytes({ cuda = false }: { cuda?: boolean } = {}): number | undefined {
  const release = cuda ? cudaReleaseFor() : releaseFor()
  return release && neededBytes(release)
}

/** What to fetch for this machine; an error where nothing fits. */
export function releaseForThisMachine(cuda = false): Release {
  const release = cuda ? cudaReleaseFor() : releaseFor()
  const here = `${process.platform}-${process.arch}`
  const eager = 'Run with `--engine eager`, which needs no libtensorflow.'
  if (!release && cuda) {
    throw new EngineError(
      'unsupported-platform',
      `The engine for NVIDIA's GPUs exists for linux-x64, and this is ${here}. Leave cuda out, or set DINO_ENGINE to a libtensorflow.`,
    )
  }
  if (!release) {
    throw new EngineError(
      'unsupported-platform',
      `There is no TensorFlow ${ENGINE_VERSION} engine for ${here} (only for ${SUPPORTED_PLATFORMS.join(', ')}). ${eager}`,
    )
  }
  const glibc = glibcVersion()
  if (process.platform === 'linux' && glibc === undefined) {
    throw new EngineError(
      'unsupported-platform',
      `TensorFlow is built for glibc, and this Node for musl (Alpine Linux?). Use a glibc image, node:22-slim say. ${eager}`,
    )
  }
  if (glibc !== undefined && compareVersions(glibc, OLDEST_GLIBC) < 0) {
    throw new EngineError(
      'unsupported-platform',
      `TensorFlow ${ENGINE_VERSION} needs glibc ${OLDEST_GLIBC} or newer, this machine has ${glibc}. ${eager}`,
    )
  }
  return release
}

/** The glibc that Node runs on; undefined with musl and outside Linux. */
export function glibcVersion(): string | undefined {
  if (process.platform !== 'linux') return undefined
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } }
  return report.header.glibcVersionRuntime
}

/** installEngine for a release that is named: the tests name small ones. */
export async function installRelease(release: Release, options: InstallOptions = {}): Promise<Engine> {
  const { force = false, onProgress = () => {}, env = process.env, signal } = options
  const cache = engineCache(env)
  const name = `${release.version}-${release.platform}`
  const dir = join(cache, name)
  const found = () => engineInCache(dir)
  if (force) await discard(dir, cache)
  if (found()) return withoutManifest(found()!)

  await makeCache(cache)
  const arrived = () => found() !== undefined
  const onWait = (owner: string) => onProgress({ phase: 'waiting', message: `${owner} is installing the engine …` })
  try {
    await sweep(cache)
    for (;;) {
      const held = await lock(join(cache, `.installing-${name}`), cache, arrived, onWait)
      if (!held) return withoutManifest(found()!)
      try {
        // A folder of its own name: the pip of a process that was killed may still write to the one of then.
        if (!arrived())
          await fetchInto(dir, await mkdtemp(join(held.folder, 'staging-')), cache, release, env, onProgress, signal)
        onProgress({ phase: 'ready', message: `TensorFlow ${release.version} is in ${dir}` })
        return { ...withoutManifest(found()!), origin: 'installed' }
      } catch (error) {
        if (signal?.aborted || (await held.isHeld())) throw error
      } finally {
        await held.release()
      }
    }
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '')
    throw full ? diskFull(release, cache, error) : cacheError(error, cache)
  }
}

async function fetchInto(
  dir: string,
  staging: string,
  cache: string,
  release: Release,
  env: Env,
  onProgress: OnProgress,
  signal?: AbortSignal,
) {
  await checkFreeSpace(cache, release)
  const engine = join(staging, 'engine')
  await mkdir(engine)
  const { framework, cc } = release.libraries
  const ofTensorFlow = { [`tensorflow/${framework}`]: framework, [`tensorflow/${cc}`]: cc }
  const wheels = wheelsOf(release)
  const libraries: Manifest['libraries'] = []
  if (wheels.length > 1) {
    const bytes = wheels.reduce((sum, { wheelBytes }) => sum + wheelBytes, 0)
    const sizes = `${formatBytes(bytes)} to fetch, ${formatBytes(unpackedBytes(release))} on disk`
    onProgress({ phase: 'downloading', message: `${wheels.length} wheels, ${sizes}` })
  }
  for (const [i, wheel] of wheels.entries()) {
    const { distribution, version, wheelBytes: total, unpackedBytes: unpacked } = wheel
    const count = wheels.length > 1 ? `, ${i + 1} of ${wheels.length}` : ''
    const what = `${distribution} ${version} for ${release.platform}`
    const message = `Fetching ${what} (${formatBytes(total)}${count}) with pip`
    onProgress({ phase: 'downloading', received: 0, total, message })
    const path = await downloadWheel(release, wheel, staging, env, onProgress, signal)
    onProgress({ phase: 'downloading', received: total, total })

    onProgress({ phase: 'unpacking', received: 0, total: unpacked, message: 'Unpacking the libraries' })
    let told = 0
    const files = release.more?.[i - 1]?.files ?? ofTensorFlow
    libraries.push(
      ...(await unpackInto(
        engine,
        path,
        files,
        (received) => {
          if (received - told < unpacked / 100) return
          onProgress({ phase: 'unpacking', received: (told = received), total: unpacked })
        },
        signal,
      )),
    )
    await rm(path)
  }
  const { version, platform, distribution } = release
  const preload = release.preload && { preload: [...release.preload] }
  const manifest: Manifest = { version, platform, distribution, libraries, ...preload }
  await writeFile(join(engine, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true })

  await discard(dir, cache) // An incomplete engine under this name.
  await rename(engine, dir)
  await syncFolder(cache)
}

/** Takes files out of a wheel to their places in the engine's folder. */
async function unpackInto(
  engine: string,
  wheel: string,
  files: Readonly<Record<string, string>>,
  onBytes: (written: number) => void,
  signal?: AbortSignal,
): Promise<Manifest['libraries']> {
  const unpacked: (Unpacked & { file: string })[] = []
  let before = 0
  for (const [name, file] of Object.entries(files)) {
    const folder = dirname(join(engine, file))
    await mkdir(folder, { recursive: true })
    const [one] = await unpackWheel(wheel, [name], folder, (written) => onBytes(before + written), signal)
    if (name.includes('/bin/')) await chmod(one.path, 0o755)
    before += one.bytes
    unpacked.push({ ...one, file })
  }
  return unpacked.map(({ file, bytes, sha256 }) => ({ file, bytes, sha256 }))
}

/** Says before the download that it will not fit, where the file system tells its free space. */
async function checkFreeSpace(folder: string, release: Release) {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free < neededBytes(release)) throw diskFull(release, `${formatBytes(free)} free in ${folder}`)
}

async function syncFolder(folder: string) {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function withoutManifest({ manifest: _, ...engine }: Engine & { manifest: Manifest }): Engine {
  return engine
}
