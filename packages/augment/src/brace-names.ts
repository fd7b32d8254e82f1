import { DatasetError } from './dataset-error.js'

const RANGE = /\{(\d+)\.\.(\d+)\}/
const MOST = 100_000

/** `shard-{000..146}.tar` → the 147 names; as many digits as the first number has. A name without such a range is itself. */
export function expandBraces(name: string): string[] {
  const match = RANGE.exec(name)
  if (!match) return [name]
  const [range, from, to] = match as unknown as [string, string, string]
  const [first, last] = [Number(from), Number(to)]
  if (last < first || last - first >= MOST)
    throw new DatasetError(name, `expected a rising range of at most ${MOST} numbers, got ${range}`)
  const head = name.slice(0, match.index)
  const tails = expandBraces(name.slice(match.index + range.length))
  if ((last - first + 1) * tails.length > MOST) throw new DatasetError(name, `it names more than ${MOST} files`)
  return Array.from(
    { length: last - first + 1 },
    (_, i) => head + String(first + i).padStart(from.length, '0'),
  ).flatMap((start) => tails.map((tail) => start + tail))
}
