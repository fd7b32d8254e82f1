import { momentum as defaults } from './defaults.js'

export interface MomentumScheduleOptions {
  /** Momentum of the first iteration. Default 0.996; 0.9995 for a batch of 256 (the reference's help). */
  base?: number
  /** What the momentum heads for; it never arrives. Default 1: a teacher that stands still. */
  final?: number
  epochs: number
  iterationsPerEpoch: number
}

/**
 * The teacher's momentum at each iteration: half a cosine from `base` towards `final`.
 *
 *     final + (base - final) (1 + cos(π i / n)) / 2,  i = 0 … n-1
 *
 * Caron et al. 2021, section 3.1. Reference: `cosine_scheduler` in utils.py.
 *
 * @returns [epochs · iterationsPerEpoch]
 */
export function momentumSchedule({
  base = defaults.base,
  final = defaults.final,
  epochs,
  iterationsPerEpoch,
}: MomentumScheduleOptions): Float64Array {
  for (const [name, value] of Object.entries({ base, final })) {
    if (!(value >= 0 && value <= 1)) {
      throw new RangeError(`momentumSchedule: expected ${name} from 0 to 1, got ${value}.`)
    }
  }
  for (const [name, value] of Object.entries({ epochs, iterationsPerEpoch })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`momentumSchedule: expected a whole ${name} of 0 or more, got ${value}.`)
    }
  }
  const n = epochs * iterationsPerEpoch
  return Float64Array.from({ length: n }, (_, i) => final + 0.5 * (base - final) * (1 + Math.cos((Math.PI * i) / n)))
}
