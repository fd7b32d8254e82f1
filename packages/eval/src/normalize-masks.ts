/**
 * Each mask stretched to reach from 0 to 1; one without a positive value stays as it is.
 *
 * @param masks [objects, height · width]
 * @returns the same, in a new array
 */
export function normalizeMasks(masks: Float32Array, objects: number): Float32Array {
  const out = masks.slice()
  const patches = masks.length / objects
  if (!Number.isInteger(patches)) {
    throw new RangeError(`normalizeMasks: expected masks of one size, got ${masks.length} values for ${objects}.`)
  }
  for (let object = 0; object < objects; object++) stretch(out.subarray(object * patches, (object + 1) * patches))
  return out
}

/** Moves and stretches a mask to reach from 0 to 1; one without a positive value stays as it is. */
export function stretch(mask: Float32Array): void {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] < least) least = mask[i]
    if (mask[i] > most) most = mask[i]
  }
  if (!(most > 0)) return
  const range = most - least
  for (let i = 0; i < mask.length; i++) mask[i] = range > 0 ? (mask[i] - least) / range : 0
}
