import { table } from '../../report/table.js'
import type { Recipe, RecipeTrial } from './linear-sweep.js'
import type { ProbeScore } from './probe.js'

/** A row for each learning rate; what was tried on standardized features stands beside what was tried on features as they are. */
export function sweepTable(trials: readonly RecipeTrial[]): string {
  const kinds = [...new Set(trials.map(({ standardize }) => standardize))]
  const lrs = [...new Set(trials.map(({ lr }) => lr))]
  const head = kinds.flatMap((standardize) => [`held-out top-1 %${standardize ? ', standardized' : ''}`, 'loss'])
  const rows = lrs.map((lr) => {
    const tried = kinds.map((kind) => trials.find((trial) => trial.lr === lr && trial.standardize === kind)!)
    return [String(lr), ...tried.flatMap(cells)]
  })
  return table(['lr', ...head], rows)
}

/** What was chosen and why, and whether the sweep may have been too narrow. */
export function choiceText(tried: { best: Recipe; trials?: readonly Recipe[]; heldOut?: number }): string {
  const { best, trials, heldOut } = tried
  const recipe = `lr ${best.lr}, ${best.standardize ? 'standardized features' : 'features as they are'}`
  if (!trials) return `${recipe}.`
  const lrs = trials.map(({ lr }) => lr)
  const narrow = Math.min(...lrs) < Math.max(...lrs)
  const edge = best.lr === Math.max(...lrs) ? 'larger' : best.lr === Math.min(...lrs) ? 'smaller' : undefined
  return (
    `${recipe}: the best on ${heldOut} held-out images of train/; then trained on all of it.` +
    (edge && narrow ? ` It is at the end of the sweep: try ${edge} ones with --lr.` : '')
  )
}

function cells({ top1, loss }: ProbeScore): string[] {
  return Number.isFinite(loss) ? [top1.toFixed(2), loss.toFixed(3)] : ['-', 'diverged']
}
