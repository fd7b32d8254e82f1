import { inRange, list, refuseUnknown } from './checks.js'
import { multiCropDefaults as defaults } from './defaults.js'
import type { Draws } from './draws.js'
import { gaussianBlur } from './gaussian-blur.js'
import type { Transform } from './transform.js'

export interface RandomBlurOptions {
  /** Probability. Default 0.5, that of the local views. */
  p?: number
  /** Standard deviation, pixels, uniform, [low, high]. Default [0.1, 2]. */
  sigma?: readonly [number, number]
}

/** Blurs as Pillow does, or not: the reference's `GaussianBlur`. Draws sigma. */
export function randomBlur({
  p = defaults.blur[2],
  sigma = defaults.sigma,
  ...rest
}: RandomBlurOptions = {}): Transform<number> {
  refuseUnknown('randomBlur', rest, ['p', 'sigma'])
  inRange('randomBlur', 'p', p, 0, 1)
  list('randomBlur', 'sigma', sigma, { length: 2, low: 0, high: Number.POSITIVE_INFINITY, rising: true })
  return { op: 'blur', draw: (draws) => drawBlur(draws, p, sigma), apply: gaussianBlur }
}

/** Sigma, or null for no blur. */
export function drawBlur(draws: Draws, p: number, sigma: readonly [number, number]): number | null {
  const fires = p > 0 && draws.uniform() <= p // the reference's `random() <= p`, save that 0 is never
  return fires ? draws.uniform(sigma[0], sigma[1]) : null
}
