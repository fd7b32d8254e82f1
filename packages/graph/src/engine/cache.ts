import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { EngineError, systemCode } from './error.js'
import { type Engine, engineInCache } from './libraries.js'
import type { Env } from './python.js'
import { ENGINE_VERSION } from './release.js'

/** An engine in our cache. */
export interface CachedEngine extends Engine {
  /** Node's name of the platform that it runs on, 'linux-x64'. */
  platform: string
  /** On disk, libraries together. */
  bytes: number
  /** Whether it is the version that this release of @dino/graph fetches. */
  current: boolean
}

/** The folder of the engines: `dino/engines` in XDG_CACHE_HOME, else in ~/Library/Caches (macOS) or ~/.cache. */
export function engineCache(env: Env = process.env): string {
  const home = env.HOME || homedir()
  const named = env.XDG_CACHE_HOME // The XDG specification: a relative path is to be ignored.
  const caches = process.platform === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache')
  return join(named && isAbsolute(named) ? named : caches, 'dino', 'engines')
}

/** The engines in the cache, newest version first. An incomplete one is left out. */
export async function listEngines({ env = process.env }: { env?: Env } = {}): Promise<CachedEngine[]> {
  const cache = engineCache(env)
  const engines: CachedEngine[] = []
  for (const name of await names(cache)) {
    const found = name.startsWith('.') ? undefined : engineInCache(join(cache, name))
    if (!found) continue
    const { manifest, ...engine } = found
    const bytes = manifest.libraries.reduce((sum, library) => sum + library.bytes, 0)
    engines.push({ ...engine, platform: manifest.platform, bytes, current: manifest.version === ENGINE_VERSION })
  }
  return engines.sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))
}

/**
 * Removes the engines of a version from the cache. A process that uses one keeps it until it ends.
 *
 * @returns those that were removed
 */
export async function removeEngine(
  version: string,
  { env = process.env }: { env?: Env } = {},
): Promise<CachedEngine[]> {
  const engines = await listEngines({ env })
  const chosen = engines.filter(
    (engine) => engine.version === version || `${engine.version}-${engine.platform}` === version,
  )
  if (chosen.length === 0) {
    const there = engines.map((engine) => engine.version).join(', ') || 'none'
    throw new EngineError(
      'not-found',
      `removeEngine: no engine ${version} in ${engineCache(env)}. Installed: ${there}.`,
    )
  }
  for (const { dir } of chosen) {
    try {
      await discard(dir, engineCache(env))
    } catch (error) {
      throw cacheError(error, engineCache(env))
    }
  }
  return chosen
}

/** Takes a folder away in one step, so that nobody finds half of it, then deletes it. */
export async function discard(dir: string, cache: string): Promise<void> {
  const aside = join(cache, `.old-${randomUUID()}`)
  try {
    await rename(dir, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw error
  }
  await rm(aside, { recursive: true, force: true, maxRetries: 3 })
}

/** Deletes what interrupted removals and acquisitions left behind. */
export async function sweep(cache: string): Promise<void> {
  for (const name of await names(cache)) {
    const path = join(cache, name)
    const left = name.startsWith('.old-') || (name.startsWith('.new-') && (await ageMs(path)) > 60_000)
    if (left) await rm(path, { recursive: true, force: true })
  }
}

export async function makeCache(cache: string): Promise<void> {
  try {
    await mkdir(cache, { recursive: true })
  } catch (error) {
    throw cacheError(error, cache)
  }
}

/** A clear error where the cache cannot be written. */
export function cacheError(error: unknown, cache: string): unknown {
  const code = systemCode(error)
  if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(code)) {
    return new EngineError(
      'cache-not-writable',
      `The engine's cache ${cache} cannot be written (${code}). Set XDG_CACHE_HOME to a folder that can, or DINO_ENGINE to ` +
        'a folder that holds libtensorflow.',
      { cause: error },
    )
  }
  return error
}

async function names(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw cacheError(error, dir)
  }
}

async function ageMs(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs
  } catch {
    return 0
  }
}
