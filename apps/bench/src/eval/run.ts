import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from '@stricli/core'
import { makePhotos } from '../augment/photos.js'
import { checkPeer } from '../check-peer.js'
import { child } from '../child.js'
import { Failure } from '../failure.js'
import { measureRoofline } from '../step/roofline.js'
import { type Measure, measuresOf } from './measures.js'
import { type EvalRow, rowOf, table } from './table.js'
import type { EvalTiming } from './timing.js'

export interface EvalFlags {
  rounds: number
  repeats: number
  train: number
  queries: number
  batch: number
  batches: number
  images: number
  photos?: string
  peerPython?: string
  threads?: number
  json: boolean
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built
const script = (name: string) => fileURLToPath(new URL(`../peers/${name}`, import.meta.url))

/** Times both sides of each measure in turn and prints medians and their ratios. */
export async function runEval(this: CommandContext, flags: EvalFlags, ...names: string[]): Promise<void> {
  check(flags)
  const say = (text: string) => this.process.stderr.write(`${text}\n`)
  const folder = mkdtempSync(join(tmpdir(), 'dino-eval-'))
  try {
    const photos = flags.photos ?? join(folder, 'photos')
    const rows: EvalRow[] = []
    for (const measure of measuresOf(names, { ...flags, photos })) {
      if (measure.needsPhotos && flags.photos === undefined) await makePhotos(photos, flags.peerPython)
      rows.push(await time(measure, folder, flags, say))
    }
    const machine = { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: cpus().length }
    const report = { ...machine, rounds: flags.rounds, rows }
    this.process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : table(report))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function time(measure: Measure, folder: string, flags: EvalFlags, say: (text: string) => void): Promise<EvalRow> {
  const threads = flags.threads === undefined ? [] : ['--threads', String(flags.threads)]
  const ours: EvalTiming[] = []
  const peers: EvalTiming[] = []
  say(`${measure.name}: making what both sides read …`)
  measure.prepare(folder)
  const began = performance.now()
  for (let round = 0; round < flags.rounds; round++) {
    const left =
      round === 0
        ? ''
        : `, ${((((performance.now() - began) / round) * (flags.rounds - round)) / 1000).toFixed(0)} s left`
    say(`${measure.name}: round ${round + 1} of ${flags.rounds}: ours${flags.peerPython ? ', peer' : ''}${left} …`)
    ours.push(await child<EvalTiming>(process.execPath, [cli, 'eval-child', ...measure.ours(folder), ...threads]))
    if (!flags.peerPython) continue
    const [name, ...values] = measure.peer(folder)
    peers.push(await child<EvalTiming>(flags.peerPython, [script(name), ...values, ...threads]))
  }
  const row = rowOf(measure, ours, peers, folder)
  const { products } = measure
  if (!flags.peerPython || !products) return row
  const { precision } = products
  return {
    ...row,
    roofline: await measureRoofline(flags.peerPython, products.all, { precision, threads: flags.threads }),
  }
}

function check(flags: EvalFlags): void {
  for (const flag of ['rounds', 'repeats', 'train', 'queries', 'batch', 'batches', 'images'] as const) {
    if (Number.isInteger(flags[flag]) && flags[flag] >= 1) continue
    throw new Failure(`--${flag}: expected a whole number of 1 or more, got ${flags[flag]}.`, 2)
  }
  checkPeer(flags.peerPython)
}
