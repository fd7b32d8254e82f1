import { median } from '../median.js'
import { type Roofline, toldRoofline } from '../step/roofline.js'
import type { Measure } from './measures.js'
import type { EvalTiming } from './timing.js'

export interface EvalRow {
  name: string
  what: string
  ours: EvalTiming[]
  peers: EvalTiming[]
  oursMs: number
  peerMs?: number
  /** Ours over the peer's, medians of all times. */
  ratio?: number
  /** The least and the largest of the ratios of each round. */
  ratioOfRounds?: [number, number]
  oursGb: number
  peerGb?: number
  /** What the row's products take alone. */
  roofline?: Roofline
  difference?: { value: number; unit: string }
}

export interface EvalReport {
  cpu: string
  cores: number
  rounds: number
  rows: EvalRow[]
}

export function rowOf(measure: Measure, ours: EvalTiming[], peers: EvalTiming[], folder: string): EvalRow {
  const all = (timings: EvalTiming[]) => median(timings.flatMap(({ times_ms }) => times_ms))
  const memory = (timings: EvalTiming[]) => Math.max(...timings.map(({ max_rss_gb }) => max_rss_gb))
  const row: EvalRow = { name: measure.name, what: measure.what, ours, peers, oursMs: all(ours), oursGb: memory(ours) }
  if (peers.length === 0) return row
  const rounds = ours.map(({ times_ms }, i) => median(times_ms) / median(peers[i]!.times_ms))
  const peerMs = all(peers)
  return {
    ...row,
    peerMs,
    peerGb: memory(peers),
    ratio: row.oursMs / peerMs,
    ratioOfRounds: [Math.min(...rounds), Math.max(...rounds)],
    difference: measure.difference?.(folder, ours.at(-1)!, peers.at(-1)!),
  }
}

export function table({ cpu, cores, rounds, rows }: EvalReport): string {
  const time = (ms: number) => (ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`)
  const lines = [
    ['', 'ours', 'PyTorch', 'ours / PyTorch', 'ours / roofline', 'memory', 'differ by', ''],
    ...rows.map((row) => [
      row.name,
      time(row.oursMs),
      row.peerMs === undefined ? '-' : time(row.peerMs),
      row.ratio === undefined
        ? '-'
        : `${row.ratio.toFixed(2)} (${row.ratioOfRounds!.map((each) => each.toFixed(2)).join(' to ')})`,
      row.roofline === undefined ? '-' : (row.oursMs / row.roofline.ms).toFixed(2),
      `${row.oursGb.toFixed(2)}${row.peerGb === undefined ? '' : `, ${row.peerGb.toFixed(2)}`} GB`,
      row.difference ? `${Number(row.difference.value.toPrecision(2))}${row.difference.unit}` : '-',
      row.what,
    ]),
  ]
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)))
  const last = widths.length - 1
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i === 0 || i === last ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
  const versions = [rows[0]?.ours[0], rows[0]?.peers[0]].filter((side) => side !== undefined)
  const sides = versions.map(({ peer, version, threads }) => `${peer} ${version}, ${threads} threads`).join('; ')
  const alone = rows.some(({ peerMs }) => peerMs === undefined)
    ? ['', 'Only ours was timed: add --peer-python PATH to time PyTorch in turn (apps/bench/peers/README.md).']
    : []
  const rooflines = rows.flatMap(({ name, roofline }) =>
    roofline ? [`roofline of ${name}: ${toldRoofline(roofline)}`] : [],
  )
  const below = rooflines.length > 0 ? ['', ...rooflines] : []
  return [`${cpu}, ${cores} cores, ${rounds} rounds; ${sides}`, '', ...text, ...below, ...alone, ''].join('\n')
}
