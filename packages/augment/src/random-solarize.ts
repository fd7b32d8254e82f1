import { inRange, refuseUnknown } from './checks.js'
import { multiCropDefaults as defaults } from './defaults.js'
import { solarize } from './solarize.js'
import type { Transform } from './transform.js'

export interface RandomSolarizeOptions {
  /** Probability. Default 0.2, that of the second global view. */
  p?: number
  /** Values from here on are inverted, 0 to 256. Default 128. */
  threshold?: number
}

/** Inverts bright values, or not: torchvision's `RandomSolarize`. Draws the threshold. */
export function randomSolarize({
  p = defaults.solarize[1],
  threshold = defaults.solarizeThreshold,
  ...rest
}: RandomSolarizeOptions = {}): Transform<number> {
  refuseUnknown('randomSolarize', rest, ['p', 'threshold'])
  inRange('randomSolarize', 'p', p, 0, 1)
  inRange('randomSolarize', 'threshold', threshold, 0, 256)
  return { op: 'solarize', draw: (draws) => (draws.uniform() < p ? threshold : null), apply: solarize }
}
