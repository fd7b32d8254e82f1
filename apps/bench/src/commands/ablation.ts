import { buildCommand, type CommandContext } from '@stricli/core'
import type { Experiment } from '../ablations/experiment.js'
import { experiments, trialExperiment } from '../ablations/experiments.js'
import type { VerbFlags } from '../ablations/verb.js'
import { Failure } from '../failure.js'

const whole = (text: string): number => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new Failure(`expected a whole number, at least 1, got ${JSON.stringify(text)}`, 2)
}

/** `table7`, `figure6` …: one command for each. */
export function ablation(experiment: Experiment) {
  return buildCommand<VerbFlags, [], CommandContext>({
    docs: {
      brief: `${experiment.title} (${experiment.source.replace('Caron et al. 2021, ', '')})`,
      fullDescription:
        `${experiment.title}: trains every row, measures it, and prints it beside the paper.\n\n` +
        `Rows: ${experiment.rows.map((row) => row.name).join(', ')}.\n\n` +
        `Example: npm run bench -- ${experiment.name} --scale tiny --seeds 3\n` +
        `         npm run bench -- ${experiment.name} --scale imagenet --dry-run`,
    },
    parameters: {
      flags: {
        scale: {
          kind: 'enum',
          values: ['tiny', 'small', 'imagenet'],
          default: 'tiny',
          brief: 'size of data, model and training; `list` says what each costs',
        },
        data: {
          kind: 'parsed',
          parse: String,
          optional: true,
          placeholder: 'DIR',
          brief: 'folder with train/ and val/, one sub-folder a class; at scale tiny the embedded objects unless given',
        },
        seeds: { kind: 'parsed', parse: whole, default: '1', brief: 'runs of each row: mean and standard deviation' },
        jobs: { kind: 'parsed', parse: whole, default: '1', brief: 'runs side by side, as far as memory allows' },
        out: {
          kind: 'parsed',
          parse: String,
          default: 'runs/bench',
          placeholder: 'DIR',
          brief: 'runs and data; what is finished there is never run twice',
        },
        only: {
          kind: 'parsed',
          parse: String,
          optional: true,
          placeholder: 'ROWS',
          brief: 'these rows alone: dino,mse',
        },
        report: {
          kind: 'parsed',
          parse: String,
          optional: true,
          placeholder: 'DIR',
          brief: 'Markdown, HTML, JSON and pictures; in --out unless given',
        },
        dryRun: {
          kind: 'boolean',
          default: false,
          withNegated: false,
          brief: 'print the settings of each row, its cost and what differs from the paper, and exit',
        },
        json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' },
      },
    },
    loader: async () => {
      const { runVerb } = await import('../ablations/verb.js')
      return async function (this: CommandContext, flags: VerbFlags) {
        const process: VerbProcess = this.process
        process.exitCode = await runVerb(experiment, flags, process)
      }
    },
  })
}

type VerbProcess = CommandContext['process'] & { exitCode?: number | string | null }

export const ablations = Object.fromEntries(
  [...experiments, trialExperiment].map((experiment) => [experiment.name, ablation(experiment)]),
)

export const list = buildCommand({
  docs: { brief: 'What each table and figure costs at each scale' },
  parameters: {},
  loader: async () => {
    const { listText } = await import('../ablations/dry-run.js')
    return function (this: CommandContext) {
      this.process.stdout.write(listText(experiments))
    }
  },
})

export const rowChild = buildCommand<
  { data: string; measures: ('knn' | 'linear')[] },
  [folder: string],
  CommandContext
>({
  docs: { brief: 'One run of a bench, for the bench itself' },
  parameters: {
    positional: { kind: 'tuple', parameters: [{ parse: String, brief: 'folder of the run', placeholder: 'folder' }] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder with train/ and val/' },
      measures: { kind: 'enum', values: ['knn', 'linear'], variadic: ',', brief: 'what is measured' },
    },
  },
  loader: async () => {
    const { runRow } = await import('../ablations/row-child.js')
    return async function (this: CommandContext, flags, folder: string) {
      const process: VerbProcess = this.process
      process.exitCode = await runRow(folder, flags)
    }
  },
})
