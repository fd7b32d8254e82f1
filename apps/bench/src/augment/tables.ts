/** Medians of one side, milliseconds. */
export interface Measured {
  name: string
  version: string
  decode: number
  crops: number
  floats: number
  file: number
  ops: Record<string, number>
  /** Least and greatest median of `floats` in a process. */
  spread: number[]
}

export interface AugmentResult {
  cpu: string
  cores: number
  pinned: boolean
  photos: number
  rounds: number
  repeats: number
  sides: Measured[]
  /** `oneCore`: pinned to one, with all of its threads. */
  pool: { side: 'ours' | 'peer'; workers: number; oneCore: boolean; imagesPerSecond: number }[]
}

const NAMES: Record<string, string> = { ours: '@dino/augment', pillow: 'torchvision on Pillow', v2: 'torchvision v2' }

/** Milliseconds, and in brackets how many times ours that is. */
export function tables(result: AugmentResult): string {
  const { cpu, cores, pinned, photos, rounds, repeats, sides, pool } = result
  const ours = sides[0]!
  const cell = (value: number | undefined, base: number, digits: number) =>
    value === undefined ? '-' : value.toFixed(digits) + (value === base ? '' : ` (${(value / base).toFixed(1)} x)`)
  const head = ['ms', ...sides.map(({ name }) => NAMES[name] ?? name)]
  const main = [
    ['ten crops of a photo, bytes', 'crops'],
    ['ten crops, float32', 'floats'],
    ['file to ten crops, float32', 'file'],
    ['of which decoding', 'decode'],
  ] as const
  const rows = main.map(([label, key]) => [label, ...sides.map((side) => cell(side[key], ours[key], 2))])
  const ops = Object.keys(ours.ops).map((op) => [op, ...sides.map((side) => cell(side.ops[op], ours.ops[op]!, 3))])
  const pools = pool
    .filter(({ side }) => side === 'ours')
    .map(({ workers, oneCore, imagesPerSecond: own }) => {
      const of = (side: string, count: number, core: boolean) =>
        pool.find((each) => each.side === side && each.workers === count && each.oneCore === core)?.imagesPerSecond
      const times = (base: number | undefined) => (base === undefined ? '-' : `${(own / base).toFixed(2)} x`)
      const peer = of('peer', workers, oneCore)
      return [
        `${workers} worker${workers > 1 ? 's' : ''}${oneCore ? ' on one core' : ''}`,
        own.toFixed(1),
        times(of('ours', 1, true)),
        times(of('ours', 1, false)),
        peer === undefined ? '-' : `${peer.toFixed(1)} (${(own / peer).toFixed(1)} x)`,
      ]
    })
  return [
    `${photos} photos, ${rounds} rounds of ${repeats}; ${cpu}, ${cores} cores${pinned ? ', pinned to one' : ''}`,
    ...sides.map(({ name, version }) => `${NAMES[name] ?? name}: ${version}`),
    '',
    align([head, ...rows]),
    '',
    align([['one operation on 224 x 224', ...head.slice(1)], ...ops]),
    '',
    align([['pool, images/s', '@dino/augment', 'of one core', 'of one worker', 'DataLoader (ours)'], ...pools]),
    '',
  ].join('\n')
}

function align(rows: string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  const line = (row: string[]) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
  return rows.map((row) => line(row).join('  ').trimEnd()).join('\n')
}
