import { buildCommand, type CommandContext, type FlagParametersForType } from '@stricli/core'
import type { AttentionFlags } from '../ablations/attention.js'
import type { Experiment } from '../ablations/experiment.js'
import { attentionExperiment, experiments, trialExperiment } from '../ablations/experiments.js'
import type { IdxFlags } from '../ablations/fashion-mnist.js'
import type { RowChildFlags } from '../ablations/row-child.js'
import type { TimingChildFlags } from '../ablations/row-timing.js'
import type { Table1Flags } from '../ablations/table1.js'
import type { Streams, VerbFlags } from '../ablations/verb.js'
import { whole } from './whole.js'

/** Of every table and figure. */
const verbFlags: FlagParametersForType<VerbFlags, CommandContext> = {
  scale: {
    kind: 'enum',
    values: ['tiny', 'small', 'imagenet'],
    default: 'tiny',
    brief: 'size of data, model and training; `list` says what each costs',
  },
  precision: {
    kind: 'enum',
    values: ['fp32', 'bf16'],
    default: 'fp32',
    brief: 'of the products of every row; bf16 pays where the processor has it',
  },
  epochs: {
    kind: 'parsed',
    parse: whole(1),
    optional: true,
    brief: "of a usual row, in place of the scale's; rows that are longer or shorter stay so in proportion",
  },
  data: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'DIR',
    brief: 'folder with train/ and val/, one sub-folder a class; at scale tiny the embedded objects unless given',
  },
  seeds: { kind: 'parsed', parse: whole(1), default: '1', brief: 'runs of each row: mean and standard deviation' },
  jobs: { kind: 'parsed', parse: whole(1), default: '1', brief: 'runs side by side, as far as memory allows' },
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
    brief: 'these rows alone, by name, with commas between them',
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
}

/** `table7`, `figure6` …: one command for each. */
function ablation(experiment: Experiment) {
  return verb(experiment, verbFlags, async () => {
    const { runVerb } = await import('../ablations/verb.js')
    return (flags, streams) => runVerb(experiment, flags, streams)
  })
}

/** @param about what it does, where that is not what every verb does, and one more example */
function verb<F extends VerbFlags>(
  experiment: Experiment,
  flags: FlagParametersForType<F, CommandContext>,
  load: () => Promise<(flags: F, streams: Streams) => Promise<number>>,
  about: { does?: string; example?: string } = {},
) {
  const { does = 'trains every row, measures it, and prints it beside the paper', example } = about
  const examples = ['--scale tiny --seeds 3', '--scale imagenet --dry-run', ...(example ? [example] : [])]
  return buildCommand<F, [], CommandContext>({
    docs: {
      brief: `${experiment.title} (${experiment.source.replace('Caron et al. 2021, ', '')})`,
      fullDescription:
        `${experiment.title}: ${does}.\n\n` +
        `Rows: ${experiment.rows.map((row) => row.name).join(', ')}.\n\n` +
        `Example: ${examples.map((each) => `npm run bench -- ${experiment.name} ${each}`).join('\n         ')}`,
    },
    parameters: { flags },
    loader: async () => {
      const run = await load()
      return async function (this: CommandContext, flags: F) {
        const process: VerbProcess = this.process
        process.exitCode = await run(flags, process)
      }
    },
  })
}

type VerbProcess = CommandContext['process'] & { exitCode?: number | string | null }

export const ablations = {
  ...Object.fromEntries([...experiments, trialExperiment].map((experiment) => [experiment.name, ablation(experiment)])),
  attention: verb<AttentionFlags>(
    attentionExperiment,
    {
      ...verbFlags,
      masks: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'folder of Pascal VOC, whose objects attention is held to; needed with --data, which has no outlines',
      },
    },
    async () => (await import('../ablations/attention.js')).runAttention,
    {
      does: 'trains DINO and the same network on labels, and prints how well they cover objects beside the paper',
      example: '--scale small --data DIR --masks VOCdevkit/VOC2012',
    },
  ),
}

export const table1 = buildCommand<Table1Flags, [], CommandContext>({
  docs: {
    brief: 'Networks: parameters, tokens, throughput (table 1)',
    fullDescription:
      'Measures a forward pass of each network at 224 pixels, with random weights, and says what of the table holds here.\n\n' +
      'Example: npm run bench -- table1 --batch 8',
  },
  parameters: {
    flags: {
      batch: { kind: 'parsed', parse: whole(1), default: '8', brief: 'images of a pass; the paper has 128' },
      passes: { kind: 'parsed', parse: whole(1), default: '5', brief: 'timed passes, of which the median counts' },
      engine: { kind: 'parsed', parse: String, default: 'auto', brief: 'auto, or the folder of a libtensorflow' },
      report: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'Markdown, HTML and JSON; printed alone unless given',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' },
    },
  },
  loader: async () => {
    const { runTable1 } = await import('../ablations/table1.js')
    return function (this: CommandContext, flags: Table1Flags) {
      return runTable1(flags, this.process)
    }
  },
})

export const fashionMnist = buildCommand<IdxFlags, [source: string, target: string], CommandContext>({
  docs: {
    brief: "Turn MNIST's four files into the folders that --data takes",
    fullDescription:
      'train/ and val/, one sub-folder a class, from train-images-idx3-ubyte.gz and the other three.\n\n' +
      'Example: npm run bench -- fashion-mnist /usr/share/datasets/fashion-mnist fashion --train 2560 --val 1000\n' +
      '         npm run bench -- table7 --scale small --data fashion',
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: String, placeholder: 'source', brief: 'folder of the four files' },
        { parse: String, placeholder: 'target', brief: 'folder to make' },
      ],
    },
    flags: {
      train: { kind: 'parsed', parse: whole(1), optional: true, brief: 'of the training images, the first this many' },
      val: { kind: 'parsed', parse: whole(1), optional: true, brief: 'of the test images, the first this many' },
    },
  },
  loader: async () => {
    const { idxToFolders } = await import('../ablations/fashion-mnist.js')
    return async function (this: CommandContext, flags: IdxFlags, source: string, target: string) {
      const count = await idxToFolders(source, target, flags)
      this.process.stdout.write(`${target}: ${count} images\n`)
    }
  },
})

export const list = buildCommand({
  docs: { brief: 'What each table and figure costs at each scale' },
  parameters: {},
  loader: async () => {
    const { listText } = await import('../ablations/dry-run.js')
    return function (this: CommandContext) {
      this.process.stdout.write(listText([...experiments, attentionExperiment]))
    }
  },
})

export const rowTiming = buildCommand<TimingChildFlags, [folder: string], CommandContext>({
  docs: { brief: 'What a step of a run costs, for the bench itself' },
  parameters: {
    positional: { kind: 'tuple', parameters: [{ parse: String, brief: 'folder of the run', placeholder: 'folder' }] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder with train/ and val/' },
      scratch: { kind: 'parsed', parse: String, brief: 'folder for what is thrown away' },
    },
  },
  loader: async () => {
    const { timeRow } = await import('../ablations/row-timing.js')
    return async function (this: CommandContext, flags, folder: string) {
      this.process.stdout.write(`${JSON.stringify(await timeRow(folder, flags))}\n`)
    }
  },
})

export const rowChild = buildCommand<RowChildFlags, [folder: string], CommandContext>({
  docs: { brief: 'One run of a bench, for the bench itself' },
  parameters: {
    positional: { kind: 'tuple', parameters: [{ parse: String, brief: 'folder of the run', placeholder: 'folder' }] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder with train/ and val/' },
      measures: { kind: 'enum', values: ['knn', 'linear'], variadic: ',', brief: 'what is measured' },
      supervisedLr: {
        kind: 'parsed',
        parse: Number,
        optional: true,
        brief: 'train on labels, with this learning rate for 512 images a step',
      },
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
