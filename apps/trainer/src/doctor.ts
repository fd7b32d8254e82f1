import type { DoctorOptions } from './commands/doctor.js'
import { checkAddon, checkCache, checkEager, checkEngine, checkPython } from './doctor/engine.js'
import type { Finding } from './doctor/finding.js'
import { checkSharp } from './doctor/images.js'
import { checkCpu, checkMachine, checkNode } from './doctor/machine.js'
import { wrap } from './report/format.js'
import type { TrainIO } from './report/io.js'

export type { Finding } from './doctor/finding.js'

/**
 * Looks at everything that training here depends on. Nothing is fetched or changed.
 *
 * @param engine as `dino train --engine` takes it: 'auto', 'eager' or the folder of a libtensorflow
 */
export async function diagnose({ engine, env }: { engine: string; env: TrainIO['env'] }): Promise<Finding[]> {
  const eagerOnly = engine === 'eager'
  const path = engine === 'auto' || eagerOnly ? undefined : engine
  const [ofEngine, eager, sharp] = await Promise.all([
    eagerOnly ? [] : checkEngine(env, path),
    checkEager(env),
    checkSharp(),
  ])
  const hasEngine = eagerOnly || ofEngine.some(({ name, status }) => name === 'loading' && status !== 'problem')
  const fetching = eagerOnly ? [] : await Promise.all([checkPython(env, hasEngine), checkCache(env, hasEngine)])
  return [checkNode(), checkMachine(), checkCpu(), ...ofEngine, ...fetching, eager, checkAddon(), sharp]
}

/** What can train here: the compiled engine, the eager one, or nothing. */
export function verdict(findings: readonly Finding[]): {
  trains: 'engine' | 'after a download' | 'eager' | 'nothing'
  summary: string
} {
  const status = (name: string) => findings.findLast((finding) => finding.name === name)?.status
  if (status('node') === 'problem') return { trains: 'nothing', summary: 'Nothing can train here: Node is too old.' }
  if (status('sharp') === 'problem') {
    return { trains: 'nothing', summary: 'Nothing can train here: images cannot be decoded.' }
  }
  if (status('loading') === 'ok' || status('loading') === 'note') {
    return { trains: 'engine', summary: 'Training works here, on TensorFlow.' }
  }
  const canFetch = status('engine') === 'note' && status('python') === 'ok' && status('cache') === 'ok'
  if (canFetch) {
    return { trains: 'after a download', summary: 'Training works here, once TensorFlow has been fetched.' }
  }
  if (status('eager') === 'ok') {
    return { trains: 'eager', summary: 'Training works here with --engine eager, which is slower than TensorFlow.' }
  }
  return { trains: 'nothing', summary: 'Nothing can train here: neither TensorFlow nor --engine eager works.' }
}

/** `dino doctor`. @returns 0, or 1 if nothing can train here */
export async function doctor({ engine, json }: DoctorOptions, io: TrainIO): Promise<number> {
  const findings = await diagnose({ engine, env: io.env })
  const { trains, summary } = verdict(findings)
  if (json) io.stdout.write(`${JSON.stringify({ trains, findings }, null, 2)}\n`)
  else io.stdout.write(`${printFindings(findings, io.stdout.columns ?? 100)}\n\n${summary}\n`)
  return trains === 'nothing' ? 1 : 0
}

const marks = { ok: 'ok', note: 'note', problem: 'PROBLEM' } as const

/** A line for each finding, what to do about it below it. */
export function printFindings(findings: readonly Finding[], columns: number): string {
  const indent = 19
  const width = Math.max(40, columns - indent)
  return findings
    .flatMap(({ name, status, found, advice }) => {
      const head = `${marks[status].padEnd(9)}${name.padEnd(indent - 9)}`
      const lines = [...wrap(found, width), ...(advice ? wrap(`-> ${advice}`, width) : [])]
      return lines.map((line, i) => `${i === 0 ? head : ' '.repeat(indent)}${line}`)
    })
    .join('\n')
}
