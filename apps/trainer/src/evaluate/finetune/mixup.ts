import { type Draws, stream } from '@dino/random'

/**
 * The share that an image keeps when a batch is mixed with itself in reverse, λ ~ Beta(α, α): one draw a step.
 *
 * Zhang et al. 2018, eq. 2.
 *
 * @param alpha above 0: small leaves most images nearly whole, 1 is uniform
 */
export function mixupShare(alpha: number, seed: number, iteration: number): number {
  const draws = stream(seed, 'mixup', iteration)
  const logs = [logGamma(alpha, draws), logGamma(alpha, draws)] as const
  return 1 / (1 + Math.exp(logs[1] - logs[0])) // x / (x + y), also where both are too small for a double
}

/** The logarithm of a draw of Gamma(shape, 1). Marsaglia and Tsang 2000; below 1 by Gamma(a) = Gamma(a + 1) · U^(1/a). */
function logGamma(shape: number, draws: Draws): number {
  if (shape < 1) return logGamma(shape + 1, draws) + Math.log(1 - draws.uniform()) / shape
  const d = shape - 1 / 3
  for (;;) {
    const x = draws.normal()
    const v = (1 + x / Math.sqrt(9 * d)) ** 3
    if (v > 0 && Math.log(1 - draws.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v)
  }
}
