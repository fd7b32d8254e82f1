/**
 * Nine points of matplotlib's inferno (van der Walt and Smith 2015, CC0), evenly spaced: equal steps look equal, in
 * gray and to colour-blind eyes too. Between them colours are mixed linearly.
 */
const INFERNO: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [31, 12, 72],
  [85, 15, 109],
  [136, 34, 106],
  [186, 54, 85],
  [227, 89, 51],
  [249, 140, 10],
  [249, 201, 50],
  [252, 255, 164],
]

/** Red, green and blue, 0 to 255, of a value from 0 (black) to 1 (light yellow); beyond them as at them. */
export function colourOf(value: number): [number, number, number] {
  const at = Math.max(0, Math.min(1, value)) * (INFERNO.length - 1)
  const i = Math.min(INFERNO.length - 2, Math.floor(at))
  const [low, high] = [INFERNO[i], INFERNO[i + 1]]
  return [0, 1, 2].map((c) => low[c] + (at - i) * (high[c] - low[c])) as [number, number, number]
}

/** Values moved and stretched to 0 to 1; all 0 where they are equal. */
export function unitRange(values: ArrayLike<number>): Float32Array {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      throw new RangeError(`unitRange: expected numbers, got ${values[i]} at ${i}. Did the network diverge?`)
    }
    low = Math.min(low, values[i])
    high = Math.max(high, values[i])
  }
  return Float32Array.from(values, (value) => (high > low ? (value - low) / (high - low) : 0))
}
