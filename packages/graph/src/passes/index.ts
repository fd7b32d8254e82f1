import type { Program } from '../ir.js'
import { useBias } from './bias.js'
import { fuseCasts } from './casts.js'
import { sumColumns } from './column-sums.js'
import { dropDeadCode } from './dead-code.js'
import { mergeDuplicates } from './duplicates.js'
import { fillConstants } from './fill.js'
import { fuse } from './fuse.js'
import { useMatMul } from './matmul.js'

/** From program to program, with the same results. */
export type Pass = (program: Program) => Program

/** In the order in which they run. */
const PASSES = {
  casts: fuseCasts,
  fill: fillConstants,
  matmul: useMatMul,
  duplicates: mergeDuplicates,
  bias: useBias,
  fuse,
  columnSums: sumColumns,
  deadCode: dropDeadCode,
}

export type PassName = keyof typeof PASSES

/** Which passes to run: all by default, none for false, or `{ fill: false }` to leave some out. */
export type PassOptions = boolean | Partial<Record<PassName, boolean>>

export function runPasses(program: Program, options: PassOptions = true): Program {
  if (typeof options === 'object') {
    const unknown = Object.keys(options).find((name) => !Object.hasOwn(PASSES, name))
    if (unknown)
      throw new TypeError(`compile: there is no pass ${unknown}. The passes are ${Object.keys(PASSES).join(', ')}.`)
  }
  let result = program
  for (const [name, pass] of Object.entries(PASSES) as [PassName, Pass][]) {
    if (options === true || (options && (options[name] ?? true))) result = pass(result)
  }
  return result
}
