import { buildCommand, type CommandContext } from '@stricli/core'
import { type LearnFlags, learnRows } from '../learn/rows.js'
import { whole } from './whole.js'

export const learn = buildCommand<LearnFlags, [], CommandContext>({
  docs: {
    brief:
      "Train beside the reference's algorithm in PyTorch: the same losses on the same crops, the same k-NN on its own",
    fullDescription:
      'First from the same weights on the same crops, step by step; then each side with crops of its own, over --seeds.\n' +
      'The peer needs an environment made by apps/bench/peers/setup.sh.\n\n' +
      'Example: npm run bench -- learn --peer-python PEER/bin/python --seeds 3',
  },
  parameters: {
    flags: {
      scale: {
        kind: 'enum',
        values: ['tiny', 'small'],
        default: 'tiny',
        brief: "as of the tables; not imagenet, whose solarization and ViT-S the peer's script lacks",
      },
      row: {
        kind: 'enum',
        values: learnRows,
        default: 'dino',
        brief: 'what both are trained with: dino, or the crops and epochs of a row of table 8',
      },
      data: { kind: 'parsed', parse: String, optional: true, placeholder: 'DIR', brief: 'folder with train/ and val/' },
      steps: { kind: 'parsed', parse: whole(1), default: '300', brief: 'steps on the same crops' },
      seeds: {
        kind: 'parsed',
        parse: whole(0),
        default: '1',
        brief: 'runs of each side on their own crops; 0: the same crops alone',
      },
      out: {
        kind: 'parsed',
        parse: String,
        default: 'runs/bench',
        placeholder: 'DIR',
        brief: 'runs and data, as of the tables',
      },
      report: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'Markdown, HTML, JSON and a picture; in --out unless given',
      },
      peerPython: { kind: 'parsed', parse: String, placeholder: 'PATH', brief: 'python of the peer environment' },
      engine: { kind: 'parsed', parse: String, default: 'auto', brief: 'auto, or the folder of a libtensorflow' },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' },
    },
  },
  loader: async () => {
    const { runLearn } = await import('../learn/run.js')
    return async function (this: CommandContext, flags: LearnFlags) {
      const process: CommandContext['process'] & { exitCode?: number | string | null } = this.process
      process.exitCode = await runLearn(flags, process)
    }
  },
})
