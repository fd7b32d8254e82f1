import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Case, cases, load } from '@dino/fixtures'
import type { CommandContext } from '@stricli/core'
import { Failure } from '../failure.js'
import { InvalidCase, NotImplemented, passes, worst } from './check.js'
import { type Engine, findEngine } from './engine.js'
import { onEngine, plain } from './kinds.js'
import { type Row, report } from './report.js'

export interface ParityFlags {
  fixtures?: string
  engine?: readonly string[]
  kind?: readonly string[]
  json: boolean
}

const own = fileURLToPath(new URL('../cases', import.meta.url)) // this file is in dist/ once built

/** Runs the cases of a fixture folder and prints how far each is from the reference. Fails if one does. */
export async function runParity(this: CommandContext, flags: ParityFlags): Promise<void> {
  const chosen = chooseCases(flags.fixtures, flags.kind)
  const engines: Engine[] = []
  if (chosen.some(({ kind }) => Object.hasOwn(onEngine, kind))) {
    for (const asked of new Set(flags.engine ?? ['tensorflow', 'eager'])) engines.push(await findEngine(asked))
  }
  const output = report(this.process.stdout, chosen, engines, flags.json)
  for (const c of chosen) {
    if (!Object.hasOwn(onEngine, c.kind)) output.add(await measure(c))
    else for (const engine of engines) output.add(await measure(c, engine))
  }
  const { fail, rows } = output.end()
  if (fail > 0) throw new Failure(`${fail} of ${rows} comparisons fail.`, 1)
}

function chooseCases(folder: string | undefined, kinds: readonly string[] | undefined): Case[] {
  if (folder !== undefined && !existsSync(join(folder, 'manifest.json'))) {
    const what = existsSync(folder) ? 'holds no manifest.json' : 'does not exist'
    throw new Failure(
      `--fixtures: ${resolve(folder)} ${what}. Give the folder that holds manifest.json and its cases.`,
      2,
    )
  }
  const all = readManifest(folder)
  if (all.length === 0) throw new Failure(`--fixtures: the manifest in ${folder} lists no cases.`, 2)
  for (const [i, { kind, name }] of all.entries()) {
    if (typeof kind === 'string' && typeof name === 'string') continue
    throw new Failure(`--fixtures: case ${i} of the manifest has no kind or no name. Is it a list of parity cases?`, 2)
  }
  if (!kinds) return all
  const held = [...new Set(all.map(({ kind }) => kind))]
  const unknown = kinds.filter((kind) => !held.includes(kind))
  if (unknown.length > 0) {
    throw new Failure(`--kind: the manifest has no case of kind ${unknown.join(', ')}. It has ${held.join(', ')}.`, 2)
  }
  return all.filter(({ kind }) => kinds.includes(kind))
}

/** Without a folder: the copy of the reference's cases, and those in `cases`, made by running the reference. */
function readManifest(folder: string | undefined): Case[] {
  try {
    return folder === undefined ? [...cases(), ...cases(undefined, own)] : cases(undefined, folder)
  } catch (error) {
    throw new Failure((error as Error).message, 2)
  }
}

/** One row of the table. Whatever goes wrong inside a case is a failure of that case, and the others still run. */
async function measure(c: Case, engine?: Engine): Promise<Row> {
  const row = { kind: c.kind, name: c.name, engine: engine?.name ?? null, checks: [] }
  const given = typeof c.tolerance === 'number' ? c.tolerance : null
  const run = engine ? onEngine[c.kind]! : Object.hasOwn(plain, c.kind) ? plain[c.kind] : undefined
  if (!run) return { ...row, difference: null, tolerance: given, result: 'not implemented' }
  try {
    const checks = await run(c, load(typeof c.same_as === 'string' ? { ...c, name: c.same_as } : c), engine as Engine)
    if (checks.length === 0) throw new Error('the file holds no expected output to compare with.')
    const { name, difference, tolerance } = worst(checks)
    const good = checks.every(passes)
    return { ...row, checks, difference, tolerance, result: good ? 'pass' : 'fail', message: good ? undefined : name }
  } catch (error) {
    const result =
      error instanceof NotImplemented ? 'not implemented' : error instanceof InvalidCase ? 'invalid' : 'fail'
    return { ...row, difference: null, tolerance: given, result, message: (error as Error).message }
  }
}
