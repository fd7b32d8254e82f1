import { buildCommand, numberParser } from '@stricli/core'
import { evaluation as defaults } from '../eval/defaults.js'
import { peerPython } from './peer-flags.js'

const number = (value: number, brief: string) =>
  ({ kind: 'parsed', parse: numberParser, default: String(value), brief }) as const

export const evaluate = buildCommand({
  docs: {
    brief: 'Time k-NN, feature extraction and label propagation, beside PyTorch if asked',
    fullDescription: [
      'knn: neighbours and votes of eval_knn.py. features: [CLS] of a ViT-S/16 in both precisions, beside timm, and from JPEG files. video: the masks',
      'of one frame of a 480p clip. Each side runs in processes of its own, in turn (ours, peer, ours, peer); the ratio is that of the medians. The',
      'roofline is what the matrix products of k-NN and features take alone in PyTorch. The peers need an environment made by',
      'apps/bench/peers/setup.sh.',
      '',
      '  npm run bench -- eval --peer-python PEER/bin/python',
      '  npm run bench -- eval knn --train 50000',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: { placeholder: 'measure', parse: String, brief: `of ${defaults.measures.join(', ')}; all without it` },
    },
    flags: {
      rounds: number(defaults.rounds, 'processes of each side'),
      repeats: number(defaults.repeats, 'timed repetitions of k-NN and video in each process'),
      train: number(defaults.train, 'training rows of k-NN'),
      queries: number(defaults.queries, 'rows to classify'),
      batch: number(defaults.batch, 'images of a call'),
      batches: number(defaults.batches, 'timed batches of each process, after two that are not'),
      images: number(defaults.images, 'JPEGs of a pass over files'),
      photos: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'folder of JPEGs; without it those that photos.py makes, or one that is generated',
      },
      threads: { kind: 'parsed', parse: numberParser, optional: true, brief: 'without it, what each side takes' },
      peerPython,
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print one JSON object instead of a table' },
    },
  },
  loader: async () => (await import('../eval/run.js')).runEval,
})
