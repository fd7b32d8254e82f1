import type { HostTensor } from './dtype.js'

/** How the tensors of a file fit what a model needs. */
export interface LoadReport {
  /** Names with the shape that the model needs. */
  matched: string[]
  missing: string[]
  /** In the file, not in the model. */
  unexpected: string[]
  /** Of another shape than the model needs. */
  mismatched: { name: string; found: readonly number[]; needed: readonly number[] }[]
}

/**
 * Compares the tensors of a file with the shapes that a model needs, so that nothing loads by half unsaid.
 *
 * @param shapes name -> shape of each parameter of the model
 */
export function loadReport(tensors: Record<string, HostTensor>, shapes: Record<string, readonly number[]>): LoadReport {
  const report: LoadReport = { matched: [], missing: [], unexpected: [], mismatched: [] }
  for (const [name, needed] of Object.entries(shapes)) {
    const found = tensors[name]?.shape
    if (!found) report.missing.push(name)
    else if (String(found) === String(needed)) report.matched.push(name)
    else report.mismatched.push({ name, found, needed })
  }
  report.unexpected = Object.keys(tensors).filter((name) => !Object.hasOwn(shapes, name))
  return report
}
