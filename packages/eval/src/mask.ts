/**
 * The smallest set of patches that holds a share of the attention: 1 in it, 0 outside.
 *
 * As in the reference's `visualize_attention.py` (METHOD.md, 1.19): patches in ascending order are dropped while their
 * sum is no more than 1 - mass of the total. Of equals, the earlier patch is dropped first.
 *
 * @param attention [patches], one head; any positive total
 * @param mass above 0, up to 1; 0.6 in the paper's figures
 * @returns [patches]
 */
export function massMask(attention: ArrayLike<number>, mass: number): Uint8Array {
  if (!(mass > 0 && mass <= 1)) {
    throw new RangeError(`massMask: expected mass above 0 and up to 1, got ${mass}.`)
  }
  let total = 0
  for (let i = 0; i < attention.length; i++) {
    if (!(attention[i] >= 0)) {
      throw new RangeError(`massMask: expected attention of 0 or more, got ${attention[i]} at patch ${i}.`)
    }
    total += attention[i]
  }
  if (!(total > 0 && Number.isFinite(total))) {
    throw new RangeError(`massMask: expected attention with a positive, finite sum, got ${total}.`)
  }
  const order = Array.from({ length: attention.length }, (_, i) => i).sort(
    (i, j) => attention[i] - attention[j] || i - j,
  )
  // One part in 10^12 more, or the rounding of 1 - mass keeps a seventh of ten equal patches at 0.6.
  const spare = total * (1 - mass + 1e-12)
  const mask = new Uint8Array(attention.length)
  let sum = 0
  for (const i of order) {
    sum += attention[i]
    if (sum > spare) mask[i] = 1
  }
  return mask
}

/**
 * Intersection over union of two masks; anything but 0 is inside. Two empty masks agree: 1, as in DAVIS.
 *
 * @returns 0 to 1
 */
export function jaccard(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new RangeError(`jaccard: expected masks of one size, got ${a.length} and ${b.length}.`)
  }
  let both = 0
  let either = 0
  for (let i = 0; i < a.length; i++) {
    if (a[i] && b[i]) both++
    if (a[i] || b[i]) either++
  }
  return either === 0 ? 1 : both / either
}
