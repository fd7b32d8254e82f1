import { performance } from 'node:perf_hooks'
import { openSession } from '@dino/graph'
import { initialState, initStudent, resolveConfig, setupOf, type TrainConfig, type TrainOptions } from '@dino/trainer'
import type { CommandContext } from '@stricli/core'
import { Failure } from '../failure.js'
import { median } from '../median.js'
import { warmUpSteps } from './defaults.js'
import { noiseStep } from './ours.js'

export interface CompareFlags {
  base: string
  rounds: number
  json: boolean
}

interface Compared {
  settings: TrainOptions
  firstStepMs: number
  timesMs: number[]
}

/** Times steps of several settings of `dino train` in turn, in one process and on one set of weights: step by step, so that all see the same machine. */
export async function runCompare(this: CommandContext, { base, rounds, json }: CompareFlags, ...given: string[]) {
  const common: TrainOptions = { data: 'noise', arch: 'vit_small', ...parsed(base) }
  const settings = given.map(parsed)
  const configs = settings.map((own) => resolveConfig({ ...common, ...own }))
  checkSameModel(configs)
  const session = await openSession({ ...(configs[0]!.threads > 0 && { threads: configs[0]!.threads }) })
  try {
    await session.create(initialState(setupOf(configs[0]!), initStudent(setupOf(configs[0]!), 0)))
    const compared: Compared[] = []
    const steps: Awaited<ReturnType<typeof noiseStep>>[] = []
    for (const [i, config] of configs.entries()) {
      const began = performance.now()
      const step = await noiseStep(session, config)
      for (let k = 0; k < warmUpSteps; k++) {
        await step(k)
        if (k === 0) compared.push({ settings: settings[i]!, firstStepMs: performance.now() - began, timesMs: [] })
      }
      steps.push(step)
    }
    for (let round = 0; round < rounds; round++) {
      this.process.stderr.write(`round ${round + 1} of ${rounds}\n`)
      for (const [i, step] of steps.entries()) {
        const began = performance.now()
        await step(round)
        compared[i]!.timesMs.push(performance.now() - began)
      }
    }
    this.process.stdout.write(json ? `${JSON.stringify(compared, null, 2)}\n` : table(compared))
  } finally {
    await session.close()
  }
}

function parsed(text: string): TrainOptions {
  try {
    return JSON.parse(text) as TrainOptions
  } catch {
    throw new Failure(`compare: expected settings as JSON, such as '{"batchSize":8}', got ${text}.`, 2)
  }
}

function checkSameModel(configs: readonly TrainConfig[]): void {
  const variables = configs.map((config) =>
    Object.entries(initialState(setupOf(config), initStudent(setupOf(config), 0))),
  )
  const text = variables.map((own) => own.map(([name, { shape }]) => `${name} ${shape}`).join())
  if (new Set(text).size > 1) {
    throw new Failure(
      'compare: the settings have different weights, and one set of them is used. Put what differs into --base.',
      2,
    )
  }
}

function table(compared: readonly Compared[]): string {
  const first = median(compared[0]!.timesMs)
  const lines = compared.map(({ settings, timesMs, firstStepMs }) => {
    const ms = median(timesMs)
    const cells = [
      JSON.stringify(settings),
      `${ms.toFixed(0)} ms`,
      (ms / first).toFixed(3),
      `${(firstStepMs / 1000).toFixed(1)} s`,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return ['| settings | step, median | of the first | first step |', '|---|---:|---:|---:|', ...lines, ''].join('\n')
}
