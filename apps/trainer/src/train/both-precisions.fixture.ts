import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

export interface Losses {
  loss: number[]
  teacherEntropy: number[]
  kl: number[]
}

/** Trains on the embedded pictures with the settings of the demo, in both precisions from the same start. */
export function trainBoth(steps: number): { fp32: Losses; bf16: Losses } {
  const data = join(dirname(createRequire(import.meta.url).resolve('@lobehub/fluent-emoji-3d/package.json')), 'assets')
  const folder = mkdtempSync(join(tmpdir(), 'dino-precision-'))
  try {
    const [fp32, bf16] = ['fp32', 'bf16'].map((precision) => {
      const run = join(folder, precision)
      const line = `train --recipe demo --max-steps ${steps} --log-freq 1 --precision ${precision}`
      const { status, stderr } = spawnSync(
        process.execPath,
        [cli, ...line.split(' '), '--data', data, '--output-dir', run],
        {
          encoding: 'utf8',
        },
      )
      if (status !== 0 || !stderr.includes(`Precision: ${precision}`)) throw new Error(stderr)
      const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
      const records = lines.map((text) => JSON.parse(text)).filter(({ loss }) => loss !== undefined)
      const values = (name: keyof Losses): number[] => records.map((record) => record[name])
      return { loss: values('loss'), teacherEntropy: values('teacherEntropy'), kl: values('kl') }
    }) as [Losses, Losses]
    return { fp32, bf16 }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The mean of the last `count`. */
export function lateMean(values: readonly number[], count: number): number {
  return values.slice(-count).reduce((sum, value) => sum + value, 0) / count
}
