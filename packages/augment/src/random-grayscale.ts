import { inRange, refuseUnknown } from './checks.js'
import { multiCropDefaults as defaults } from './defaults.js'
import { grayscale } from './grayscale.js'
import type { Transform } from './transform.js'

export interface RandomGrayscaleOptions {
  /** Probability. Default 0.2. */
  p?: number
}

/** Takes the colours away, or not: torchvision's `RandomGrayscale`. */
export function randomGrayscale({ p = defaults.grayscale, ...rest }: RandomGrayscaleOptions = {}): Transform<true> {
  refuseUnknown('randomGrayscale', rest, ['p'])
  inRange('randomGrayscale', 'p', p, 0, 1)
  return { op: 'grayscale', draw: (draws) => (draws.uniform() < p ? true : null), apply: grayscale }
}
