import { fileURLToPath } from 'node:url'
import type { CommandContext } from '@stricli/core'
import { child } from '../child.js'

export interface DryRunFlags {
  only?: string
  json: boolean
}

/** Settings whose estimate is held against what is then measured: one thing at a time differs from the first. */
const settings: Record<string, object> = {
  'vit_small, batch 8': { batchSize: 8 },
  'batch 4': { batchSize: 4 },
  'batch 8 in parts of 2': { batchSize: 8, microBatch: 2 },
  'batch 8, recompute': { batchSize: 8, recompute: true },
  '2 batches of 4': { batchSize: 4, accumulate: 2 },
  'no local crops': { batchSize: 8, localCropsNumber: 0 },
  'K 4096': { batchSize: 8, outDim: 4096 },
  'vit_tiny, K 4096, batch 16': { arch: 'vit_tiny', batchSize: 16, outDim: 4096 },
  'patch 8, batch 1': { patchSize: 8, batchSize: 1, outDim: 4096 },
  demo: { recipe: 'demo' },
}

interface Figures {
  secondsPerStep: number
  bytes: number
}

const cli = fileURLToPath(new URL('./cli.js', import.meta.url)) // beside this file once built

/** Prints estimate, measurement and their ratio for each setting. */
export async function runDryRun(this: CommandContext, { only, json }: DryRunFlags): Promise<void> {
  const rows: { name: string; estimated: Figures; measured: Figures }[] = []
  const { stdout, stderr } = this.process
  for (const [name, setting] of Object.entries(settings)) {
    if (only !== undefined && !name.includes(only)) continue
    stderr.write(`${name} …\n`)
    const run = (measure: boolean) =>
      child<Figures>(process.execPath, [
        cli,
        'dry-run-child',
        '--settings',
        JSON.stringify(setting),
        ...(measure ? ['--measure'] : []),
      ])
    rows.push({ name, estimated: await run(false), measured: await run(true) })
  }
  if (json) stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
  else stdout.write(`${[header, ...rows.map(line)].join('\n')}\n`)
}

const header = `${'setting'.padEnd(28)}  s a step: estimated  measured  ratio    GB: estimated  measured  ratio`

function line({ name, estimated, measured }: { name: string; estimated: Figures; measured: Figures }): string {
  const columns = (a: number, b: number, width: number) =>
    [
      a.toFixed(a < 0.1 ? 4 : 2).padStart(width),
      b.toFixed(b < 0.1 ? 4 : 2).padStart(8),
      (a / b).toFixed(2).padStart(5),
    ].join('  ')
  const seconds = columns(estimated.secondsPerStep, measured.secondsPerStep, 19)
  return `${name.padEnd(28)}  ${seconds}    ${columns(estimated.bytes / 1e9, measured.bytes / 1e9, 13)}`
}
