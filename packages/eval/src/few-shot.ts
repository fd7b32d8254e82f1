import { stream } from '@dino/random'

/** How much of a labelled set: so many rows of each class, or a share of each. */
export type FewShot = { shots: number } | { fraction: number }

/**
 * A part of a labelled set that holds of each class a number of rows, or all that it has; a share is rounded, to one row at least.
 * The same seed draws the same rows, whatever else is drawn; more shots with the same seed are more rows beside the same ones.
 *
 * @param labels class of each row; rows below 0 have none and are left out
 * @param size `{ shots }`, 1 or more, or `{ fraction }`, above 0 and up to 1
 * @param seed 0 or above
 * @returns the rows, in rising order
 */
export function fewShot(labels: ArrayLike<number>, size: FewShot, seed: number): Int32Array {
  const share = 'shots' in size ? size.shots : size.fraction
  if ('shots' in size ? !(Number.isInteger(share) && share >= 1) : !(share > 0 && share <= 1)) {
    throw new RangeError(
      'shots' in size
        ? `fewShot: expected shots to be a whole number of 1 or more, got ${share}.`
        : `fewShot: expected a fraction above 0 and up to 1, got ${share}.`,
    )
  }
  const classes = new Map<number, number[]>()
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] < 0) continue
    const rows = classes.get(labels[row])
    if (rows) rows.push(row)
    else classes.set(labels[row], [row])
  }
  const chosen = [...classes].flatMap(([label, rows]) => {
    const count = 'shots' in size ? Math.min(share, rows.length) : Math.max(1, Math.round(share * rows.length))
    return draw(rows, count, seed, label)
  })
  return Int32Array.from(chosen).sort()
}

/** The first rows of a random order. */
function draw(rows: number[], count: number, seed: number, label: number): number[] {
  const draws = stream(seed, 'few-shot', label)
  for (let i = 0; i < count; i++) {
    const j = draws.integer(i, rows.length)
    const moved = rows[i]
    rows[i] = rows[j]
    rows[j] = moved
  }
  return rows.slice(0, count)
}
