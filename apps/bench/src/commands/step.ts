import { buildCommand, numberParser } from '@stricli/core'
import { step as defaults } from '../step/defaults.js'
import { modelFlags } from './step-flags.js'

export const step = buildCommand({
  docs: {
    brief: 'Time one whole training step, beside PyTorch with timm and lightly if asked',
    fullDescription:
      'Each side runs in processes of its own, in turn (ours, peer, ours, peer), so that both see the same machine.\n' +
      'The ratio is that of the medians. The peer needs an environment made by apps/bench/peers/setup.sh.',
  },
  parameters: {
    flags: {
      ...modelFlags,
      rounds: {
        kind: 'parsed',
        parse: numberParser,
        default: String(defaults.rounds),
        brief: 'processes of each side',
      },
      peerPython: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'PATH',
        brief: 'python of the peer environment; without it only ours is timed',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print one JSON object instead of a table' },
    },
  },
  loader: async () => (await import('../step/run.js')).runStep,
})
