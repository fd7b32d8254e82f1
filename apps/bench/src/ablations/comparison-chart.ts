import type { TopLevelSpec } from 'vega-lite'
import { type Chart, draw, frame } from './chart.js'
import { type Experiment, type Measure, mean, type Outcome, spread } from './experiment.js'

const TITLES: Record<Measure, string> = { knn: 'k-NN top-1, %', linear: 'linear top-1, %' }

/** Rows of a table as points, ours beside the paper's: each on its own axis, since only the order compares. */
export async function comparisonChart(
  { rows, measures }: Pick<Experiment, 'rows' | 'measures'>,
  outcomes: ReadonlyMap<string, Outcome>,
): Promise<Chart | undefined> {
  const ours: { row: string; measure: string; value: number; low: number; high: number }[] = []
  const paper: { row: string; measure: string; value: number }[] = []
  for (const row of rows) {
    for (const measure of measures) {
      const found = outcomes.get(row.name)?.[measure] ?? []
      if (found.length > 0) {
        const [value, deviation] = [mean(found), spread(found)]
        ours.push({ row: row.title, measure: TITLES[measure], value, low: value - deviation, high: value + deviation })
      }
      const theirs = row.paper?.[measure]
      if (theirs !== undefined) paper.push({ row: row.title, measure: TITLES[measure], value: theirs })
    }
  }
  if (ours.length === 0) return undefined
  const titles = rows.map(({ title }) => title)
  const y = {
    field: 'row',
    type: 'nominal',
    title: null,
    scale: { domain: titles },
    axis: { labelLimit: 260, grid: true },
  } as const
  const color = { field: 'measure', type: 'nominal', title: null, scale: { scheme: 'tableau10' } } as const
  const x = { field: 'value', type: 'quantitative', scale: { zero: false, padding: 12 } } as const
  const height = { step: 18 }
  const point = { mark: { type: 'point', filled: true, size: 60, opacity: 1 } } as const
  const spec: TopLevelSpec = {
    $schema: frame.$schema,
    background: frame.background,
    hconcat: [
      {
        width: 280,
        height,
        data: { values: ours },
        layer: [
          { mark: 'rule', encoding: { y, x: { ...x, field: 'low', title: 'ours' }, x2: { field: 'high' }, color } },
          { ...point, encoding: { y, x: { ...x, title: 'ours' }, color } },
        ],
      },
      ...(paper.length === 0
        ? []
        : [
            {
              width: 280,
              height,
              data: { values: paper },
              ...point,
              encoding: { y: { ...y, axis: { labels: false, grid: true } }, x: { ...x, title: 'the paper' }, color },
            } as const,
          ]),
    ],
  }
  return { title: 'Ours beside the paper', spec, svg: await draw(spec) }
}

/** Accuracy against images a second of training (figure 5). */
export async function costChart(
  { rows, measures }: Pick<Experiment, 'rows' | 'measures'>,
  outcomes: ReadonlyMap<string, Outcome>,
): Promise<Chart | undefined> {
  const [measure] = measures
  const values = rows.flatMap(({ name, title }) => {
    const found = outcomes.get(name)
    if (!measure || !found?.[measure].length || !found.cost) return []
    return [{ row: title, speed: found.cost.imagesPerSecond, value: mean(found[measure]) }]
  })
  if (!measure || values.length < 2) return undefined
  const x = {
    field: 'speed',
    type: 'quantitative',
    title: 'images a second, in training',
    scale: { zero: false, padding: 30 },
  } as const
  const y = {
    field: 'value',
    type: 'quantitative',
    title: TITLES[measure],
    scale: { zero: false, padding: 20 },
  } as const
  const spec: TopLevelSpec = {
    ...frame,
    data: { values },
    encoding: { x, y },
    layer: [
      { mark: { type: 'point', filled: true, size: 60, opacity: 1 } },
      { mark: { type: 'text', align: 'left', dx: 7, dy: -6 }, encoding: { text: { field: 'row' } } },
    ],
  }
  return { title: 'Accuracy against throughput', spec, svg: await draw(spec) }
}
