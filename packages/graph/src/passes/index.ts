import type { Program } from '../ir.js'
import type { Precision } from '../precision.js'
import { toBfloat16 } from './bf16.js'
import { useBias } from './bias.js'
import { fuseCasts } from './casts.js'
import { sumColumns } from './column-sums.js'
import { dropDeadCode } from './dead-code.js'
import { mergeDuplicates } from './duplicates.js'
import { fillConstants } from './fill.js'
import { fuse } from './fuse.js'
import { useGelu } from './gelu.js'
import { useMatMul } from './matmul.js'
import { letVary } from './varying.js'

/** From program to program, with the same results. */
export type Pass = (program: Program) => Program

/** In the order in which they run. */
const PASSES = {
  casts: fuseCasts,
  fill: fillConstants,
  matmul: useMatMul,
  duplicates: mergeDuplicates,
  bias: useBias,
  gelu: useGelu,
  fuse,
  columnSums: sumColumns,
  deadCode: dropDeadCode,
}

export type PassName = keyof typeof PASSES

/**
 * Which passes to run: all by default, none for false, or `{ fill: false }` to leave some out. `{ fuse: 'always' }` fuses also
 * what does not pay for the time that XLA takes to compile it.
 */
export type PassOptions =
  | boolean
  | (Partial<Record<Exclude<PassName, 'fuse'>, boolean>> & { fuse?: boolean | 'always' })

export interface PassSetting {
  /** What products are computed in; a choice of the caller's, not an improvement that options could leave out. */
  precision?: Precision
  /** Whether oneDNN's kernels are there, which know more than TensorFlow's own. */
  oneDnn?: boolean
}

export function runPasses(
  program: Program,
  options: PassOptions = true,
  { precision = 'float32', oneDnn = false }: PassSetting = {},
): Program {
  if (typeof options === 'object') {
    const unknown = Object.keys(options).find((name) => !Object.hasOwn(PASSES, name))
    if (unknown)
      throw new TypeError(`compile: there is no pass ${unknown}. The passes are ${Object.keys(PASSES).join(', ')}.`)
  }
  let result = letVary(program) // before anything changes shapes or constants: it has to happen, whatever is left out
  for (const [name, pass] of Object.entries(PASSES) as [PassName, Pass][]) {
    // After what finds products, before what joins them with their neighbours.
    if (name === 'bias' && precision === 'bfloat16') result = toBfloat16(result, { softmax: oneDnn })
    if (name === 'gelu' && !oneDnn) continue
    const chosen = typeof options === 'object' ? (options[name] ?? true) : options
    if (chosen) result = chosen === 'always' ? fuse(result, 0) : pass(result)
  }
  return result
}
