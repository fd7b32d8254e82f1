import { inRange, refuseUnknown } from './checks.js'
import { multiCropDefaults as defaults } from './defaults.js'
import { hflip } from './hflip.js'
import type { Transform } from './transform.js'

export interface RandomFlipOptions {
  /** Probability. Default 0.5. */
  p?: number
}

/** Mirrors left to right, or not: torchvision's `RandomHorizontalFlip`. */
export function randomFlip({ p = defaults.flip, ...rest }: RandomFlipOptions = {}): Transform<true> {
  refuseUnknown('randomFlip', rest, ['p'])
  inRange('randomFlip', 'p', p, 0, 1)
  return { op: 'flip', draw: (draws) => (draws.uniform() < p ? true : null), apply: hflip }
}
