import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'

/** What computed a result. */
export interface Machine {
  engine: string
  cpu: string
  cores: number
  node: string
  /** Of the code; 'unknown' outside of a clone. */
  commit: string
}

export function machine(engine: string): Machine {
  return {
    engine,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    commit: commit(),
  }
}

/** Of the code that runs; 'unknown' outside of a clone. */
export function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
