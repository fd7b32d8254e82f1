/**
 * Average precision of a ranked list, by the trapezoidal rule that the revisited Oxford and Paris benchmarks use (METHOD.md, 1.16):
 * the mean over the positives of the precision just before and just after each one.
 *
 * @param ranks places of the positives that were found, from 0, rising
 * @param positives how many there are, found or not
 * @returns 0 to 1; NaN when there are none
 */
export function averagePrecision(ranks: ArrayLike<number>, positives: number): number {
  if (!(Number.isInteger(positives) && positives >= ranks.length)) {
    throw new RangeError(
      `averagePrecision: expected at least as many positives as ranks, got ${positives} for ${ranks.length} ranks.`,
    )
  }
  let sum = 0
  for (let found = 0; found < ranks.length; found++) {
    const rank = ranks[found]!
    if (!(Number.isInteger(rank) && rank >= found)) {
      throw new RangeError(`averagePrecision: expected rising ranks from 0, got ${rank} as number ${found}.`)
    }
    const before = rank === 0 ? 1 : found / rank
    const after = (found + 1) / (rank + 1)
    sum += (before + after) / 2
  }
  return positives === 0 ? Number.NaN : sum / positives
}
