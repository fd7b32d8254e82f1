import { escapeHtml } from './html.js'

export interface Series {
  name: string
  /** Class of the line: its colour in the page's style. */
  kind: string
  /** Rising x. */
  points: readonly (readonly [x: number, y: number])[]
}

export interface Chart {
  /** Unique in the page: letters and hyphens. */
  id: string
  title: string
  /** What a person who can't see it should know. */
  description: string
  xLabel: string
  yLabel: string
  series: readonly Series[]
  /** Values to compare with, drawn across the chart. */
  levels?: readonly { name: string; value: number }[]
  /** Lowest value of the y axis. The lowest value shown, rounded down, unless given. */
  yFrom?: number
}

const WIDTH = 480
const HEIGHT = 300
const MARGIN = { top: 12, right: 104, bottom: 44, left: 46 }
/** Pixels between the baselines of two labels. */
const LABEL_STEP = 15
/** Points of a line: longer series are averaged in steps, so that noise does not hide the course. */
const POINTS = 160

/** Lines over steps as an SVG element that scales with the page; named at their ends, so colour is not needed to tell them apart. */
export function lineChart(chart: Chart): string {
  const lines = chart.series.map((series) => ({ ...series, points: averaged(series.points) }))
  const levels = chart.levels ?? []
  const values = [...lines.flatMap(({ points }) => points.map(([, y]) => y)), ...levels.map(({ value }) => value)]
  const steps = lines.flatMap(({ points }) => points.map(([x]) => x))
  if (steps.length === 0 || ![...values, ...steps].every(Number.isFinite)) {
    throw new RangeError(`lineChart: expected finite points for '${chart.title}', got none or NaN.`)
  }
  const yTicks = ticks(chart.yFrom ?? Math.min(...values), Math.max(...values), 5)
  const xTicks = ticks(0, Math.max(...steps, 1), 4).filter((x) => x <= Math.max(...steps, 1))
  const [bottom, top] = [yTicks[0], yTicks[yTicks.length - 1]]
  const x = scale(0, Math.max(...steps, 1), MARGIN.left, WIDTH - MARGIN.right)
  const y = scale(bottom, top, HEIGHT - MARGIN.bottom, MARGIN.top)

  const labels = spread([
    ...lines.map(({ name, kind, points }) => ({ name, kind, at: y(points[points.length - 1][1]) })),
    ...levels.map(({ name, value }) => ({ name, kind: 'level', at: y(value) })),
  ])
  return [
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${chart.id}-title ${chart.id}-text">`,
    `<title id="${chart.id}-title">${escapeHtml(chart.title)}</title>`,
    `<desc id="${chart.id}-text">${escapeHtml(chart.description)}</desc>`,
    ...yTicks.map(
      (tick) =>
        `<path class="grid" d="M${MARGIN.left} ${px(y(tick))}H${WIDTH - MARGIN.right}"/>` +
        `<text class="tick" x="${MARGIN.left - 8}" y="${px(y(tick) + 4)}" text-anchor="end">${number(tick)}</text>`,
    ),
    ...xTicks.map(
      (tick) =>
        `<path class="grid" d="M${px(x(tick))} ${HEIGHT - MARGIN.bottom}v5"/>` +
        `<text class="tick" x="${px(x(tick))}" y="${HEIGHT - MARGIN.bottom + 19}" text-anchor="middle">${number(tick)}</text>`,
    ),
    `<text class="axis" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(chart.xLabel)}</text>`,
    `<text class="axis" transform="translate(12 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(chart.yLabel)}</text>`,
    ...levels.map(({ value }) => `<path class="level" d="M${MARGIN.left} ${px(y(value))}H${WIDTH - MARGIN.right}"/>`),
    ...lines.map(({ kind, points }) => line(kind, points, x, y)),
    ...labels.map(
      ({ name, kind, at }) =>
        `<text class="name ${kind}" x="${WIDTH - MARGIN.right + 8}" y="${px(at + 4)}">${escapeHtml(name)}</text>`,
    ),
    '</svg>',
  ].join('')
}

function line(kind: string, points: Series['points'], x: (v: number) => number, y: (v: number) => number): string {
  const path = points.map(([step, value], i) => `${i === 0 ? 'M' : 'L'}${px(x(step))} ${px(y(value))}`).join('')
  const dots =
    points.length > 30
      ? ''
      : points.map(([s, v]) => `<circle class="${kind}" cx="${px(x(s))}" cy="${px(y(v))}" r="2.6"/>`).join('')
  return `<path class="line ${kind}" d="${path}"/>${dots}`
}

/** At most POINTS points; each the average of as many neighbours. */
function averaged(points: Series['points']): Series['points'] {
  const group = Math.ceil(points.length / POINTS)
  if (group <= 1) return points
  const means: [number, number][] = []
  for (let i = 0; i < points.length; i += group) {
    const part = points.slice(i, i + group)
    const mean = (c: 0 | 1) => part.reduce((sum, point) => sum + point[c], 0) / part.length
    means.push([mean(0), mean(1)])
  }
  return means
}

/** Round numbers, 1, 2 or 5 times a power of ten apart, from at most `low` to at least `high`. */
export function ticks(low: number, high: number, count: number): number[] {
  const span = high > low ? high - low : Math.max(1, Math.abs(low))
  const rough = span / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= rough * (1 - 1e-9)) ?? 10)
  const first = Math.floor(low / step + 1e-9)
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9))
  // Multiples of whole numbers, or 0.1 + 0.2 shows.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Labels moved apart until none covers another, in the order of their values. */
function spread<T extends { at: number }>(labels: T[]): T[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.at - b.at)
  for (let i = 1; i < sorted.length; i++) sorted[i].at = Math.max(sorted[i].at, sorted[i - 1].at + LABEL_STEP)
  let floor = HEIGHT - MARGIN.bottom
  for (let i = sorted.length - 1; i >= 0; i--) {
    sorted[i].at = Math.min(sorted[i].at, floor)
    floor = sorted[i].at - LABEL_STEP
  }
  return sorted
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  return (value) => start + ((value - from) / (to - from)) * (end - start)
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}
