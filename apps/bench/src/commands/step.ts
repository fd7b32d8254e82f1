import { buildCommand, numberParser } from '@stricli/core'
import { step as defaults } from '../step/defaults.js'
import { peerPython } from './peer-flags.js'
import { modelFlags } from './step-flags.js'

export const step = buildCommand({
  docs: {
    brief: 'Time one whole training step, beside PyTorch with timm and lightly if asked',
    fullDescription:
      'Each side runs in processes of its own, in turn (ours, peer, ours, peer), so that both see the same machine.\n' +
      'The ratio is that of the medians. The peer needs an environment made by apps/bench/peers/setup.sh.\n' +
      'The roofline is the time that the products of the reference step take alone, at the same shapes, in torch.matmul.\n\n' +
      'Example: npm run bench -- step --batch 8 --precision bf16 --peer-python PEER/bin/python',
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
      peerPython,
      peerCompile: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'the peer under torch.compile, which takes minutes to begin',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print one JSON object instead of a table' },
    },
  },
  loader: async () => (await import('../step/run.js')).runStep,
})
