/** What is timed of a photo, as JSON names it. */
export const MEASURES = ['crops', 'floats', 'file', 'decode'] as const
type TimedMeasure = (typeof MEASURES)[number]

/** Medians of one side, milliseconds. */
export interface Measured extends Record<TimedMeasure, number> {
  name: string
  version: string
  ops: Record<string, number>
  /** Least and greatest median of a round. */
  spread: Record<TimedMeasure, [number, number]>
  /** Peak memory of the largest process. */
  gigabytes: number
}

/** Images through a pool of workers, medians of the rounds. */
export interface PoolRate {
  side: 'ours' | 'peer'
  workers: number
  /** Pinned to one, with all of its threads. */
  oneCore: boolean
  imagesPerSecond: number
  /** Least and greatest of the rounds. */
  spread: [number, number]
  /** Peak memory; of a DataLoader, its largest worker's with it. */
  gigabytes: number
}

export interface AugmentResult {
  cpu: string
  cores: number
  pinned: boolean
  photos: number
  rounds: number
  repeats: number
  sides: Measured[]
  pool: PoolRate[]
}

const NAMES: Record<string, string> = { ours: '@dino/augment', pillow: 'torchvision on Pillow', v2: 'torchvision v2' }

const TITLES: Record<TimedMeasure, string> = {
  crops: 'ten crops of a photo, bytes',
  floats: 'ten crops, float32',
  file: 'file to ten crops, float32',
  decode: 'of which decoding',
}

/** Milliseconds, and in brackets how many times ours that is; below, between which the rounds lie. */
export function tables(result: AugmentResult): string {
  const { cpu, cores, pinned, photos, rounds, repeats, sides } = result
  const ours = sides[0]!
  const cell = (value: number | undefined, base: number, digits: number) =>
    value === undefined ? '-' : value.toFixed(digits) + (value === base ? '' : ` (${(value / base).toFixed(1)} x)`)
  const head = ['ms', ...sides.map(({ name }) => NAMES[name] ?? name)]
  const main = MEASURES.flatMap((key) => [
    [TITLES[key], ...sides.map((side) => cell(side[key], ours[key], 2))],
    ...(rounds > 1 ? [['  rounds', ...sides.map(({ spread }) => range(spread[key], 2))]] : []),
  ])
  const memory = ['peak memory, GB', ...sides.map(({ gigabytes }) => cell(gigabytes, ours.gigabytes, 2))]
  const ops = Object.keys(ours.ops).map((op) => [op, ...sides.map((side) => cell(side.ops[op], ours.ops[op]!, 3))])
  return [
    `${photos} photos, ${rounds} round${rounds > 1 ? 's' : ''} of ${repeats}; ${cpu}, ${cores} cores${pinned ? ', pinned to one' : ''}`,
    ...sides.map(({ name, version }) => `${NAMES[name] ?? name}: ${version}`),
    '',
    align([head, ...main, memory]),
    '',
    align([['one operation on 224 x 224', ...head.slice(1)], ...ops]),
    '',
    align(poolRows(result)),
    '',
  ].join('\n')
}

function poolRows({ pool, rounds }: AugmentResult): string[][] {
  const find = (side: string, workers: number, oneCore: boolean) =>
    pool.find((each) => each.side === side && each.workers === workers && each.oneCore === oneCore)
  const between = (rate: PoolRate | undefined) => (rate && rounds > 1 ? range(rate.spread, 1) : '-')
  const rows = pool
    .filter(({ side }) => side === 'ours')
    .map((own) => {
      const { workers, oneCore, imagesPerSecond } = own
      const times = (base: PoolRate | undefined) =>
        base === undefined ? '-' : `${(imagesPerSecond / base.imagesPerSecond).toFixed(2)} x`
      const peer = find('peer', workers, oneCore)
      return [
        `${workers} worker${workers > 1 ? 's' : ''}${oneCore ? ' on one core' : ''}`,
        imagesPerSecond.toFixed(1),
        between(own),
        times(find('ours', 1, true)),
        times(find('ours', 1, false)),
        peer ? `${peer.imagesPerSecond.toFixed(1)} (${(imagesPerSecond / peer.imagesPerSecond).toFixed(1)} x)` : '-',
        between(peer),
        [own, peer].flatMap((each) => each?.gigabytes.toFixed(2) ?? []).join(', '),
      ]
    })
  return [
    [
      ...['pool, images/s', '@dino/augment', 'rounds', 'of one core', 'of one worker'],
      ...['DataLoader (ours)', 'rounds', 'memory, GB'],
    ],
    ...rows,
  ]
}

function range([least, most]: [number, number], digits: number): string {
  return `${least.toFixed(digits)} to ${most.toFixed(digits)}`
}

function align(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const line = (row: string[]) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}
