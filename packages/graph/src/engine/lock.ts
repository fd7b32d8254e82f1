import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { discard } from './cache.js'
import { systemCode } from './error.js'

const HEARTBEAT_MS = 2_000
/** A holder on another machine is taken for dead after this long without a heartbeat. */
const SILENT_MS = 30_000
const POLL_MS = 150

/** Who holds a lock. */
interface Owner {
  pid: number
  host: string
  /** Different for each time that the lock is taken. */
  token: string
}

/** A lock that is held; its folder is the place to work in. */
export interface Lock {
  folder: string
  /** Whether it was not taken away, because this process seemed dead. */
  isHeld(): Promise<boolean>
  /** Deletes the folder with all that is in it, and with it the lock. */
  release(): Promise<void>
}

/**
 * Takes the lock, or undefined if `arrived` says meanwhile that there is nothing left to do.
 *
 * The lock is a folder that appears by a rename with its owner's name inside, so it is there whole or not at all. It is
 * also the staging folder: whoever finds its owner dead (no such process, or no heartbeat in 30 s) removes it together
 * with the half-done work. A live owner that was taken for dead (a suspended machine) finds that by `isHeld`.
 *
 * @param folder the lock's path, in a folder that exists
 */
export async function lock(
  folder: string,
  cache: string,
  arrived: () => boolean,
  onWait: (owner: string) => void,
  silentMs = SILENT_MS,
): Promise<Lock | undefined> {
  const watch = { beat: Number.NaN, since: performance.now() }
  let told: string | undefined
  while (!arrived()) {
    const taken = await acquire(folder, cache)
    if (taken) return taken
    const state = await holder(folder)
    if (state === undefined) continue // Released just now.
    if (state.beat !== watch.beat) Object.assign(watch, { beat: state.beat, since: performance.now() })
    // Our own clock measures the silence, so that machines that share a disk need not agree on the time.
    if (isDead(state.owner) || performance.now() - watch.since > silentMs) {
      await takeAway(folder, cache, state.owner?.token)
      continue
    }
    const name = state.owner ? `process ${state.owner.pid} on ${state.owner.host}` : 'another process'
    if (told !== name) onWait((told = name))
    await new Promise((done) => setTimeout(done, POLL_MS))
  }
  return undefined
}

async function acquire(folder: string, cache: string): Promise<Lock | undefined> {
  const owner: Owner = { pid: process.pid, host: hostname(), token: randomUUID() }
  const fresh = join(cache, `.new-${randomUUID()}`)
  await mkdir(fresh)
  try {
    await writeFile(join(fresh, 'owner.json'), JSON.stringify(owner))
    await rename(fresh, folder)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    if (['ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(join(folder, 'owner.json'), now, now).catch(() => {})
  }, HEARTBEAT_MS)
  heartbeat.unref()
  const isHeld = async () => (await holder(folder))?.owner?.token === owner.token
  return {
    folder,
    isHeld,
    async release() {
      clearInterval(heartbeat)
      if (await isHeld()) await discard(folder, cache)
    },
  }
}

/** Removes a dead owner's lock, but not the one that another waiter took in the meantime. */
async function takeAway(folder: string, cache: string, token: string | undefined) {
  const state = await holder(folder)
  if (state && state.owner?.token === token) await discard(folder, cache)
}

async function holder(folder: string): Promise<{ owner: Owner | undefined; beat: number } | undefined> {
  const file = join(folder, 'owner.json')
  try {
    const { mtimeMs } = await stat(file)
    return { owner: JSON.parse(await readFile(file, 'utf8')), beat: mtimeMs }
  } catch {
    // The folder may be there without its owner's file if a deletion was cut short.
    return (await stat(folder).catch(() => undefined)) && { owner: undefined, beat: 0 }
  }
}

function isDead(owner: Owner | undefined): boolean {
  if (owner?.host !== hostname()) return false
  if (owner.pid === process.pid) return false
  try {
    process.kill(owner.pid, 0)
    return false
  } catch (error) {
    return systemCode(error) === 'ESRCH'
  }
}
