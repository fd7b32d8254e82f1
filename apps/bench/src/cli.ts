#!/usr/bin/env node
import { buildApplication, buildRouteMap, run, text_en } from '@stricli/core'
import { ablations, fashionMnist, list, rowChild, rowTiming, table1 } from './commands/ablation.js'
import { augment } from './commands/augment.js'
import { augmentChild } from './commands/augment-child.js'
import { compare } from './commands/compare.js'
import { dryRun } from './commands/dry-run.js'
import { dryRunChild } from './commands/dry-run-child.js'
import { evaluate } from './commands/eval.js'
import { evalChild } from './commands/eval-child.js'
import { exportCheck } from './commands/export.js'
import { growth } from './commands/growth.js'
import { learn } from './commands/learn.js'
import { parity } from './commands/parity.js'
import { step } from './commands/step.js'
import { stepChild } from './commands/step-child.js'
import { stepTable } from './commands/step-table.js'
import { Failure } from './failure.js'

const describe = (reason: unknown) =>
  reason instanceof Failure || (reason instanceof Error && reason.name === 'Failure') // the trainer has its own
    ? reason.message
    : reason instanceof Error
      ? (reason.stack ?? reason.message)
      : `${reason}`

const app = buildApplication(
  buildRouteMap({
    routes: {
      list,
      table1,
      ...ablations,
      fashionMnist,
      rowChild,
      rowTiming,
      learn,
      parity,
      step,
      stepTable,
      growth,
      compare,
      stepChild,
      augment,
      augmentChild,
      dryRun,
      dryRunChild,
      eval: evaluate,
      evalChild,
      export: exportCheck,
    },
    docs: {
      brief: "The paper's tables beside ours, and DINO in TypeScript against its reference",
      hideRoute: {
        rowChild: true,
        rowTiming: true,
        stepChild: true,
        augmentChild: true,
        dryRunChild: true,
        evalChild: true,
      },
    },
  }),
  {
    name: 'dino-bench',
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    localization: {
      loadText: () => ({ ...text_en, exceptionWhileRunningCommand: describe, commandErrorResult: describe }),
    },
    determineExitCode: (reason) => (reason instanceof Failure ? reason.exitCode : 1),
  },
)

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(141) // whoever read our output has gone: as other tools do, without a word
})
await run(app, process.argv.slice(2), { process })
if (Number(process.exitCode) < 0) process.exitCode = 2 // stricli's codes for a wrong command line
