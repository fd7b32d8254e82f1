import { type Case, largestDifference } from '@dino/fixtures'
import type { HostTensor } from '@dino/weights'

export type Tensors = Record<string, HostTensor>

/** One compared output of a case. */
export interface Check {
  name: string
  /** max |actual - expected| / max(1, |expected|), unless the kind says otherwise; Infinity if shapes differ. */
  difference: number
  tolerance: number
}

export function passes({ difference, tolerance }: Check): boolean {
  return difference <= tolerance // false for NaN
}

/** The check that is furthest beyond its tolerance, or nearest to it. */
export function worst(checks: Check[]): Check {
  const share = ({ difference, tolerance }: Check) => (difference === 0 ? 0 : difference / tolerance)
  return checks.reduce((a, b) => (Number.isNaN(share(b)) || share(b) > share(a) ? b : a))
}

/** The tolerance of one output: the manifest has one number for the whole case, or one for each sort of output. */
export function toleranceFor(c: Case, ...sorts: string[]): number {
  if (typeof c.tolerance === 'number') return c.tolerance
  const entries = c.tolerance ?? {}
  for (const sort of sorts) if (typeof entries[sort] === 'number') return entries[sort]
  throw new Error(
    `tolerance of ${c.name}: expected a number or one for ${sorts.join(' or ')}, got ${JSON.stringify(c.tolerance)}.`,
  )
}

/** Compares values with what the case expects under `name`. */
export function compare(c: Case, name: string, actual: HostTensor, expected: HostTensor, ...sorts: string[]): Check {
  const same = size(actual) === size(expected)
  const difference = same ? largestDifference(numbers(actual), numbers(expected)) : Number.POSITIVE_INFINITY
  return { name, difference, tolerance: toleranceFor(c, ...sorts, name) }
}

/** The tensor of a case; every kind says in its README row which ones it holds. */
export function tensor(tensors: Tensors, name: string): HostTensor {
  const found = tensors[name]
  if (!found)
    throw new Error(`expected a tensor ${name}, the file holds ${Object.keys(tensors).slice(0, 6).join(', ')}, …`)
  return found
}

/** The tensors whose name begins with `prefix`, by the rest of their name. */
export function under(prefix: string, tensors: Tensors): Tensors {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]))
}

/** The numbers i for which a tensor `PREFIXi.…` exists, in order. */
export function steps(prefix: string, tensors: Tensors): number[] {
  const found = new Set<number>()
  for (const name of Object.keys(tensors)) {
    const match = name.startsWith(prefix) && /^(\d+)\./.exec(name.slice(prefix.length))
    if (match) found.add(Number(match[1]))
  }
  if (found.size === 0) throw new Error(`expected tensors named ${prefix}0.…, the file holds none.`)
  return [...found].sort((a, b) => a - b)
}

/** Values as plain numbers; 64-bit integers are labels and counts here, well below 2^53. */
export function numbers({ dtype, data }: HostTensor): ArrayLike<number> {
  if (data instanceof BigInt64Array) return Array.from(data, Number)
  if (dtype === 'float16' || dtype === 'bfloat16') throw new Error(`expected values of 32 or 64 bits, got ${dtype}.`)
  return data as unknown as ArrayLike<number>
}

export function float32(shape: number[], data: Float32Array): HostTensor {
  return { dtype: 'float32', shape, data }
}

export function scalar(value: number): HostTensor {
  return float32([], Float32Array.of(value))
}

function size({ shape }: HostTensor): number {
  return shape.reduce((a, b) => a * b, 1)
}

/** A part of the method that this repository does not have yet; the message names it. */
export class NotImplemented extends Error {
  override name = 'NotImplemented'
}

/** A case that contradicts itself, so that nobody could meet it; the message says how. */
export class InvalidCase extends Error {
  override name = 'InvalidCase'
}
