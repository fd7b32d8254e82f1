import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../report/io.js'

/**
 * Keeps a second process out of a run's folder, which must exist, and clears it of what a killed one left half-written.
 *
 * @returns gives the folder back
 */
export function lockRun(folder: string): () => void {
  const path = join(folder, '.lock')
  for (;;) {
    try {
      const file = openSync(path, 'wx')
      writeSync(file, String(process.pid))
      closeSync(file)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const owner = Number(readFileSync(path, 'utf8'))
      if (owner !== process.pid && isAlive(owner)) {
        throw new Failure(`${folder} is in use by process ${owner}. Wait for it, or choose another --output-dir.`, 2)
      }
      rmSync(path, { force: true })
    }
  }
  for (const name of readdirSync(folder)) {
    if (/^\.(checkpoint|config|knn).*\.tmp$/.test(name)) rmSync(join(folder, name), { force: true })
  }
  return () => rmSync(path, { force: true })
}

/** Whether a process holds the folder, such as one that still saves. */
export function isLocked(folder: string): boolean {
  try {
    return isAlive(Number(readFileSync(join(folder, '.lock'), 'utf8')))
  } catch {
    return false
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
