/** How a classifier that was trained with one learning rate did on images that it was not trained on. */
export interface Trial {
  lr: number
  /** Percent. */
  top1: number
  /** Mean cross-entropy; NaN or infinite where training diverged. */
  loss: number
}

/**
 * The trial to keep: of the best accuracy, then of the smallest loss, then of the smallest learning rate. One that diverged is never kept.
 *
 * @throws RangeError if there is none to keep
 */
export function bestTrial<T extends Trial>(trials: readonly T[]): T {
  const finite = trials.filter(({ loss }) => Number.isFinite(loss))
  if (finite.length === 0) {
    const rates = trials.map(({ lr }) => lr).join(', ')
    throw new RangeError(
      `bestTrial: all of ${trials.length} trials diverged (lr ${rates}). Try smaller learning rates.`,
    )
  }
  return finite.reduce((best, trial) => (compare(trial, best) < 0 ? trial : best))
}

function compare(a: Trial, b: Trial): number {
  return b.top1 - a.top1 || a.loss - b.loss || a.lr - b.lr
}

/**
 * A share of the images of each class, evenly spaced in the list, to choose a learning rate by; the test set must not choose. A class of
 * one image is only trained on.
 *
 * @param labels class of each image; images below 0 are in neither part
 * @param share of each class that is held out, above 0, below 1. Default 0.1, but at least one image
 * @returns row numbers, rising
 */
export function holdOut(labels: ArrayLike<number>, share = 0.1): { kept: number[]; held: number[] } {
  if (!(share > 0 && share < 1)) throw new RangeError(`holdOut: expected a share above 0 and below 1, got ${share}.`)
  const rowsOf = new Map<number, number[]>()
  for (let row = 0; row < labels.length; row++) {
    if (labels[row] < 0) continue
    const rows = rowsOf.get(labels[row])
    if (rows) rows.push(row)
    else rowsOf.set(labels[row], [row])
  }
  const held = new Set<number>()
  for (const rows of rowsOf.values()) {
    const count = Math.min(rows.length - 1, Math.max(1, Math.round(share * rows.length)))
    for (let i = 0; i < count; i++) held.add(rows[Math.floor(((i + 0.5) * rows.length) / count)])
  }
  const all = [...rowsOf.values()].flat().sort((a, b) => a - b)
  return { kept: all.filter((row) => !held.has(row)), held: all.filter((row) => held.has(row)) }
}
