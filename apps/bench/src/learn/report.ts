import type { TopLevelSpec } from 'vega-lite'
import { type Chart, draw, frame } from '../ablations/chart.js'
import { mean, type Row, shown, spread } from '../ablations/experiment.js'
import type { Machine } from '../ablations/machine.js'
import type { Report, ReportRow } from '../ablations/report.js'
import type { Scale } from '../ablations/scale.js'

export interface Learned {
  /** Loss of each step on the same crops, from the same weights. */
  same: { ours: number[]; peer: number[] }
  /** k-NN of the teacher after so many steps, percent, each side on crops of its own; one a seed. */
  own?: { steps: number; ours: number[]; peer: number[] }
  /** Name and version of the other side. */
  peer: string
}

/** Steps whose losses are shown. */
const SHOWN = [1, 2, 10, 50, 100, 200, 300, 1000]

/** How two implementations of one algorithm compare: loss by loss, then by what they learn. */
export async function learnReport(
  { same, own, peer }: Learned,
  {
    command,
    row: of,
    scale,
    machine,
  }: { command: string; row: Pick<Row, 'name' | 'title'>; scale: Scale; machine: Machine },
): Promise<Report> {
  const steps = same.ours.length
  const differences = same.ours.map((loss, i) => Math.abs(loss - same.peer[i]!))
  const largest = Math.max(...differences)
  const row = (title: string, cells: string[]): ReportRow => ({ name: title, title, cells, settings: [] })
  return {
    name: of.name === 'dino' ? 'learn' : `learn-${of.name}`,
    title: `Learning, beside PyTorch: ${of.title}`,
    source: "The reference's algorithm, apps/bench/peers/bench_learn.py",
    scale: { name: scale.name, summary: scale.summary },
    seeds: own?.ours.length ?? 1,
    command,
    columns: ['ours', peer, 'difference'],
    rows: [
      ...SHOWN.filter((step) => step <= steps).map((step) =>
        row(`loss of step ${step}, nats`, [
          same.ours[step - 1]!.toFixed(5),
          same.peer[step - 1]!.toFixed(5),
          differences[step - 1]!.toExponential(1),
        ]),
      ),
      row(`largest difference of ${steps} steps`, ['', '', largest.toExponential(1)]),
      ...(own
        ? [
            row(`k-NN % after ${own.steps} steps on crops of its own`, [
              shown(own.ours),
              shown(own.peer),
              (mean(own.ours) - mean(own.peer)).toFixed(1),
            ]),
          ]
        : []),
    ],
    claims: [
      {
        text: 'From the same weights, on the same crops, losses differ by rounding alone: below 1e-3',
        verdict: largest < 1e-3 ? 'holds' : 'does not hold',
        because: largest.toExponential(1),
      },
      ...(own ? [likewise(own)] : []),
    ],
    charts: [await lossChart(same, peer)],
    machine,
    notes: [
      `The first ${steps} steps have no stochastic depth, which each side draws for itself.`,
      ...(own
        ? [
            `On crops of its own each side draws everything, first weights as well: ${own.ours.length} ${own.ours.length === 1 ? 'seed' : 'seeds'}.`,
          ]
        : []),
    ],
  }
}

function likewise({ ours, peer }: NonNullable<Learned['own']>): Report['claims'][number] {
  const text = 'On crops of its own, k-NN is within twice the spread of seeds'
  const because = `${shown(ours)} against ${shown(peer)}`
  if (ours.length < 2) return { text, verdict: 'not measured', because: `one seed: ${because}` }
  const apart = Math.abs(mean(ours) - mean(peer))
  return { text, verdict: apart <= 2 * Math.hypot(spread(ours), spread(peer)) ? 'holds' : 'does not hold', because }
}

async function lossChart({ ours, peer }: Learned['same'], name: string): Promise<Chart> {
  const line = (losses: readonly number[], side: string) =>
    losses.map((loss, i) => ({ step: i + 1, loss, side })).filter((_, i) => i % Math.ceil(losses.length / 300) === 0)
  const spec: TopLevelSpec = {
    ...frame,
    height: 220,
    data: { values: [...line(ours, 'ours'), ...line(peer, name)] },
    mark: { type: 'line', strokeWidth: 1.5 },
    encoding: {
      x: { field: 'step', type: 'quantitative', title: 'steps, the same crops' },
      y: { field: 'loss', type: 'quantitative', title: 'loss, nats', scale: { zero: false } },
      color: { field: 'side', type: 'nominal', title: null },
      strokeDash: { field: 'side', type: 'nominal', title: null },
    },
  }
  return { title: 'Loss on the same crops', spec, svg: await draw(spec) }
}
