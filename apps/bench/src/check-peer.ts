import { existsSync } from 'node:fs'
import { Failure } from './failure.js'

/** Refuses a path to a python that is not there; a bare name is looked up by the system. */
export function checkPeer(python: string | undefined): void {
  if (!python?.includes('/') || existsSync(python)) return
  throw new Failure(
    `--peer-python: ${python} does not exist. Make it with apps/bench/peers/setup.sh DIR: DIR/bin/python.`,
    2,
  )
}
