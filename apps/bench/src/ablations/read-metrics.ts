import { readFileSync } from 'node:fs'
import type { RunResult } from './result.js'

type Point = RunResult['curve'][number]

interface Line extends Partial<Point> {
  iteration: number
  seconds?: number
  knn?: { teacher: number; student: number }
}

/** Points of a curve that is drawn; the log of a long run has thousands. */
const MOST_POINTS = 200

/** What a run's metrics.jsonl tells: curves, their end, the time of a step. */
export function readMetrics(path: string): Pick<RunResult, 'curve' | 'knnCurve' | 'end' | 'secondsPerStep' | 'steps'> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line)
  const steps = lines.filter((line): line is Line & { loss: number } => typeof line.loss === 'number')
  if (steps.length === 0) throw new Error(`${path} holds no step.`)
  const points = steps.map(({ iteration, loss, teacherEntropy, kl, outputSpread }) => ({
    step: iteration,
    loss,
    ...(teacherEntropy !== undefined && { teacherEntropy }),
    ...(kl !== undefined && { kl }),
    ...(outputSpread !== undefined && { outputSpread }),
  }))
  const last = points.slice(-Math.ceil(points.length / 10))
  const seconds = steps.map((line) => line.seconds ?? 0).sort((a, b) => a - b)
  return {
    steps: steps.at(-1)!.iteration,
    secondsPerStep: seconds[Math.floor(seconds.length / 2)]!,
    curve: thinned(points),
    knnCurve: lines.flatMap(({ iteration, knn }) =>
      knn ? [{ step: iteration, teacher: knn.teacher, student: knn.student }] : [],
    ),
    end: {
      loss: meanOf(last, 'loss')!,
      ...optional('teacherEntropy', meanOf(last, 'teacherEntropy')),
      ...optional('kl', meanOf(last, 'kl')),
      ...optional('outputSpread', meanOf(last, 'outputSpread')),
    },
  }
}

function meanOf(points: readonly Point[], key: keyof Omit<Point, 'step'>): number | undefined {
  const values = points.map((point) => point[key]).filter((x): x is number => x !== undefined)
  return values.length === 0 ? undefined : values.reduce((sum, x) => sum + x, 0) / values.length
}

function optional(key: string, value: number | undefined): Record<string, number> {
  return value === undefined ? {} : { [key]: value }
}

function thinned<T>(points: readonly T[]): T[] {
  const stride = Math.ceil(points.length / MOST_POINTS)
  return points.filter((_, i) => i % stride === stride - 1 || i === points.length - 1)
}
