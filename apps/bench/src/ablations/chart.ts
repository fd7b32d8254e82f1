import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'
import type { Curve } from './experiment.js'
import type { Run } from './plan.js'
import { type RunResult, resultOf } from './result.js'

export interface Chart {
  title: string
  svg: string
  /** The vega-lite specification with its data, of a chart: redraw it as you like. */
  spec?: TopLevelSpec
}

interface Point {
  step: number
  value: number
  row: string
  /** Teacher or student, of k-NN curves. */
  network?: string
}

const titles: Record<Curve, string> = {
  loss: 'Loss, nats',
  teacherEntropy: 'Teacher entropy, nats',
  kl: 'KL(teacher ‖ student), nats',
  knn: 'k-NN top-1, %',
  teacherKnn: "the teacher's k-NN top-1, %",
}

/** Of every chart with one plot. */
export const frame = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  width: 520,
  height: 260,
  background: 'white',
} as const

/** One measure over training, a line a row; the seeds' mean, with their standard deviation behind it. */
export async function chart(what: Curve, runs: readonly Run[]): Promise<Chart | undefined> {
  const values = runs.flatMap((run) => {
    const result = resultOf(run)
    return result ? pointsOf(what, result, run.row.title) : []
  })
  if (values.length === 0) return undefined
  const finished = runs.filter(resultOf).map((run) => run.row.title)
  const repeated = finished.filter((title, i) => finished.indexOf(title) !== i)
  const color = { field: 'row', type: 'nominal', title: null, scale: { scheme: 'tableau10' } } as const
  const x = { field: 'step', type: 'quantitative', title: 'steps' } as const
  const accuracy = what === 'knn' || what === 'teacherKnn'
  const detail =
    what === 'knn'
      ? {
          strokeDash: {
            field: 'network',
            type: 'nominal',
            title: null,
            scale: { domain: ['teacher', 'student'] },
          } as const,
        }
      : {}
  const spec: TopLevelSpec = {
    ...frame,
    data: { values },
    layer: [
      {
        transform: [{ filter: { field: 'row', oneOf: repeated } }], // one value has no deviation
        mark: { type: 'errorband', extent: 'stdev', opacity: 0.15 },
        encoding: { x, y: { field: 'value', type: 'quantitative', title: titles[what] }, color, ...detail },
      },
      {
        mark: { type: 'line', strokeWidth: 1.5 },
        encoding: {
          x,
          y: {
            field: 'value',
            type: 'quantitative',
            aggregate: 'mean',
            title: titles[what],
            scale: { zero: !accuracy },
          },
          color,
          ...detail,
        },
      },
    ],
  }
  return { title: titles[what], spec, svg: await draw(spec) }
}

/** @returns an SVG file */
export async function draw(spec: TopLevelSpec): Promise<string> {
  return new View(parse(compile(spec).spec), { renderer: 'none' }).toSVG()
}

function pointsOf(what: Curve, { curve, knnCurve }: RunResult, row: string): Point[] {
  if (what === 'knn') {
    return knnCurve.flatMap(({ step, teacher, student }) => [
      { step, value: teacher, row, network: 'teacher' },
      { step, value: student, row, network: 'student' },
    ])
  }
  if (what === 'teacherKnn') return knnCurve.map(({ step, teacher }) => ({ step, value: teacher, row }))
  return curve.flatMap((point) => {
    const value = point[what]
    return value === undefined ? [] : [{ step: point.step, value, row }]
  })
}
