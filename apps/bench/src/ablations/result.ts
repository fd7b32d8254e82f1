import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TrainConfig } from '@dino/trainer'
import { type Cost, mean, type Outcome } from './experiment.js'
import type { Machine } from './machine.js'
import type { Run } from './plan.js'

/** What a finished run came to: result.json in its folder. */
export interface RunResult {
  key: string
  seed: number
  steps: number
  /** Median of the steps that the log holds; of a supervised run with its scoring, and 0 if several processes made it. */
  secondsPerStep: number
  /** The most memory of the training process. */
  bytes: number
  /** Percent. */
  knn: { teacher: number; student: number }
  linear?: number
  /** Share of the commonest class among the validation images, percent. */
  chance: number
  /** At the end of training: means of the last tenth of the log. */
  end: { loss: number; teacherEntropy?: number; kl?: number; outputSpread?: number }
  curve: { step: number; loss: number; teacherEntropy?: number; kl?: number; outputSpread?: number }[]
  knnCurve: { step: number; teacher: number; student: number }[]
  config: TrainConfig
  /** What computed it. */
  machine: Machine
}

export function resultOf({ folder }: Pick<Run, 'folder'>): RunResult | undefined {
  const file = join(folder, 'result.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunResult) : undefined
}

/** Why a run failed, if its last attempt did. */
export function failureOf({ folder }: Pick<Run, 'folder'>): string | undefined {
  const file = `${folder}.failed`
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

/** What the rows that have finished came to, by name. */
export function outcomesOf(
  rows: readonly { name: string }[],
  runs: readonly Run[],
  costs?: ReadonlyMap<string, Cost>,
): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>()
  for (const { name } of rows) {
    const outcome = outcomeOf(runs.filter((run) => run.row.name === name).flatMap((run) => resultOf(run) ?? []))
    const cost = costs?.get(name)
    if (outcome) outcomes.set(name, { ...outcome, ...(cost && { cost }) })
  }
  return outcomes
}

/** The results of a row's seeds as one. */
function outcomeOf(results: readonly RunResult[]): Outcome | undefined {
  if (results.length === 0) return undefined
  const numbers = (values: (number | undefined)[]) => values.filter((x): x is number => x !== undefined)
  return {
    knn: results.map(({ knn }) => knn.teacher),
    studentKnn: results.map(({ knn }) => knn.student),
    linear: numbers(results.map(({ linear }) => linear)),
    chance: results[0]!.chance,
    lnK: Math.log(results[0]!.config.outDim),
    teacherEntropy: numbers(results.map(({ end }) => end.teacherEntropy)),
    kl: numbers(results.map(({ end }) => end.kl)),
    outputSpread: numbers(results.map(({ end }) => end.outputSpread)),
    teacherLeads: results
      .filter(({ knnCurve }) => knnCurve.length > 0)
      .map(({ knnCurve }) => mean(knnCurve.map(({ teacher, student }) => (1 + Math.sign(teacher - student)) / 2))),
    seconds: results.map(({ steps, secondsPerStep }) => steps * secondsPerStep),
  }
}
