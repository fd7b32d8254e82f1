import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from '@stricli/core'
import { output } from '../child.js'
import { Failure } from '../failure.js'
import { modelName, type StepReport } from './run.js'

export interface TableFlags {
  peerPython: string
  out: string
  only?: string
  report?: string
  steps: number
  rounds: number
}

/** One line of the table: a setting of `step`. */
export interface Row {
  /** Its name, of its file too. */
  name: string
  flags: readonly string[]
}

const models = [
  { name: 'vits16-batch8', flags: ['--arch', 'vit_small', '--batch', '8'] },
  { name: 'vitti16-batch8', flags: ['--arch', 'vit_tiny', '--batch', '8'] },
  { name: 'resnet50-batch4', flags: ['--arch', 'resnet50', '--batch', '4'] },
  { name: 'vits8-batch1', flags: ['--arch', 'vit_small', '--patch-size', '8', '--batch', '1'] },
]

/** Each model in both precisions, on ten crops and on two. */
export const rows: readonly Row[] = models.flatMap(({ name, flags }) =>
  ['fp32', 'bf16'].flatMap((precision) =>
    [8, 0].map((locals) => ({
      name: `${name}-${precision}-${2 + locals}crops`,
      flags: [...flags, '--precision', precision, '--locals', String(locals)],
    })),
  ),
)

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built

/** Runs every row that has no result in the folder yet, and prints all results as one Markdown table. */
export async function runTable(this: CommandContext, flags: TableFlags): Promise<void> {
  const wanted = rows.filter(({ name }) => name.includes(flags.only ?? ''))
  if (wanted.length === 0) {
    throw new Failure(`--only ${flags.only}: no row has this in its name. There are ${rows.map((row) => row.name)}.`, 2)
  }
  await mkdir(flags.out, { recursive: true })
  const file = (row: Row) => join(flags.out, `${row.name}.json`)
  const missing = wanted.filter((row) => !existsSync(file(row)))
  const began = Date.now()
  for (const [i, row] of missing.entries()) {
    const left =
      i === 0 ? '' : `, about ${Math.ceil((((Date.now() - began) / i) * (missing.length - i)) / 60_000)} min left`
    this.process.stderr.write(`${row.name}: ${i + 1} of ${missing.length}${left}\n`)
    const own = ['--steps', String(flags.steps), '--rounds', String(flags.rounds), '--peer-python', flags.peerPython]
    const json = await output(process.execPath, [cli, 'step', '--json', ...row.flags, ...own])
    await writeFile(`${file(row)}.part`, json)
    await rename(`${file(row)}.part`, file(row)) // a row that was interrupted is measured again
  }
  const resultOf = (row: Row) => JSON.parse(readFileSync(file(row), 'utf8')) as StepReport
  if (flags.report !== undefined) {
    const there = rows.filter((row) => existsSync(file(row)))
    const lacking = rows.filter((row) => !existsSync(file(row))).map(({ name }) => name)
    await mkdir(flags.report, { recursive: true })
    await writeFile(join(flags.report, 'step.md'), page(there.map(resultOf), lacking))
  }
  this.process.stdout.write(markdown(wanted.map(resultOf)))
}

/** The table with a heading, what it was measured on, and the rows that are lacking. */
export function page(results: readonly StepReport[], lacking: readonly string[]): string {
  const machines = [...new Set(results.map(({ cpu, cores }) => `${cpu}, ${cores} cores`))]
  const commits = [...new Set(results.flatMap(({ commit }) => commit ?? []))]
  const versions = [...new Set(results.flatMap(({ sides }) => sides.map(({ name, version }) => `${name} ${version}`)))]
  const counts = results.map(({ steps, rounds }) => `${rounds} of ${steps} steps`)
  return [
    '# A training step beside PyTorch',
    '',
    `${machines.join('; ')}${commits.length > 0 ? `, commit ${commits.join(', ')}` : ''}. ${versions.join(', ')}. Each side in processes of its own, in turn: rounds ${[...new Set(counts)].join(', ')}; ratios are of`,
    'medians. The roofline is what the products of the reference step take alone in torch.matmul. What bf16 means on each side:',
    '[apps/bench](../../apps/bench/README.md#step).',
    '',
    `    npm run bench -- step-table --peer-python PEER/bin/python --out runs/step --report docs/results`,
    '',
    markdown(results),
    lacking.length > 0 ? `Not measured yet: ${lacking.join(', ')}.\n` : '',
  ].join('\n')
}

/** One line a setting: time, its ratios to PyTorch and to the roofline, memory, the first step. */
export function markdown(results: readonly StepReport[]): string {
  const line = ({ batch, locals, precision, sides, ratios, ...model }: StepReport) => {
    const [ours, peer] = sides
    const cells = [
      modelName(model),
      batch,
      `${2 + locals} crops`,
      precision,
      `${ours!.stepMs.toFixed(0)} ms`,
      ratios ? `${ratios.time.toFixed(2)} (${ratios.timeOfRounds.map((ratio) => ratio.toFixed(2)).join(' to ')})` : '-',
      ratios ? ratios.roofline.toFixed(2) : '-',
      `${ours!.maxRssGb.toFixed(2)} GB${peer ? `, ${peer.maxRssGb.toFixed(2)} GB` : ''}`,
      `${(ours!.firstStepMs / 1000).toFixed(1)} s`,
    ]
    return `| ${cells.join(' | ')} |`
  }
  const head =
    '| model | batch | crops | precision | ours | ours / PyTorch | ours / roofline | memory, ours and PyTorch | first step |'
  return [head, `|${'---|'.repeat(9)}`, ...results.map(line), ''].join('\n')
}
