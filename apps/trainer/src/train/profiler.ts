import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NodeTime, printProfile, type Session, traceEvents } from '@dino/graph'
import { Failure } from '../report/io.js'

/** Calls of a program that say nothing of the later ones: TensorFlow plans, compiles and allocates in them. */
const WARM_UP = 2

/** Profiles some steps of a run. */
export interface Profiler {
  /** To be called after each step. Returns the report after the last one that is profiled. */
  afterStep(seconds: number): string | undefined
  /** Ends the profile. Returns the report of what was seen, if that was not given yet. */
  end(): string | undefined
}

/**
 * `--profile N`: when each node of N steps ran. Steps with one of the first calls of a program are passed over, also where another
 * program takes over, such as once the last layer is no longer frozen.
 *
 * @param folder where profile.json goes, for Perfetto
 */
export function createProfiler(session: Session, steps: number, folder: string): Profiler {
  if (session.engine.kind === 'eager') {
    throw new Failure('--profile: the eager engine has no graph to profile. Leave --engine eager out.', 2)
  }
  const calls = new Map<string, number>()
  const seen: NodeTime[] = []
  const times: number[] = []
  let ofStep: NodeTime[] = []
  let warm = true
  let reported = false
  const stop = session.profile((nodes, compiled) => {
    const before = calls.get(compiled) ?? 0
    calls.set(compiled, before + 1)
    warm &&= before >= WARM_UP
    ofStep.push(...nodes)
  })
  const report = () => {
    stop()
    if (reported || times.length === 0) return undefined
    reported = true
    const path = join(folder, 'profile.json')
    writeFileSync(path, JSON.stringify(traceEvents(seen)))
    const total = times.reduce((sum, seconds) => sum + seconds, 0)
    const kernels = seen.reduce((sum, { us }) => sum + us / 1e6, 0)
    const what = `${times.length} ${times.length === 1 ? 'step' : 'steps'}`
    return [
      `Profile of ${what}: ${total.toFixed(2)} s, ${kernels.toFixed(2)} s in kernels over all threads`,
      '',
      printProfile(seen),
      '',
      `Timeline: ${path} (open it in ui.perfetto.dev)`,
    ].join('\n')
  }
  return {
    afterStep(seconds) {
      if (reported) return undefined
      if (warm) {
        seen.push(...ofStep)
        times.push(seconds)
      }
      ofStep = []
      warm = true
      return times.length === steps ? report() : undefined
    },
    end: report,
  }
}
