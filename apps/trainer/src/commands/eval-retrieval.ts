import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading, wholeNumber } from './command.js'
import { cacheDir, checkpoint, engine, json, network, output } from './shared-flags.js'

export interface RetrievalFlags {
  data: string
  dataset: 'roxford5k' | 'rparis6k'
  imageSize?: number
  multiscale: boolean
  wholeQueries: boolean
  network: 'teacher' | 'student'
  cacheDir?: string
  engine: string
  output?: string
  json: boolean
}

export interface RetrievalOptions extends RetrievalFlags {
  checkpoint: string
}

export const evalRetrieval = buildCommand<RetrievalFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score a checkpoint by how it finds buildings again: revisited Oxford and Paris',
    fullDescription: [
      'Images keep their shape, shrunk to --image-size at their longer side; queries are cut to their box first. Similarity is the cosine',
      'of features. Mean average precision (mAP) and mean precision among the first k (mP@k), for easy, medium and hard.',
      '',
      '  dino eval retrieval dino_vits16.pth --data ./revisited --dataset roxford5k',
      '  dino eval retrieval dino_vits16.pth --data ./revisited --dataset rparis6k --image-size 512 --multiscale',
      '',
      '--data holds roxford5k/jpg/*.jpg and roxford5k/gnd_roxford5k.pkl, as they are distributed (github.com/filipradenovic/revisitop).',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder that holds the folder of the data set' },
      dataset: {
        kind: 'enum',
        values: ['roxford5k', 'rparis6k'],
        brief: 'which of the two: the name of its folder',
      },
      imageSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'pixels of the longer side; that of its training unless given. Published: roxford5k 224, rparis6k 512',
      },
      multiscale: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'the mean of features at scales 1, 0.71 and 0.5, as published for rparis6k',
      },
      wholeQueries: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief:
          "does not cut queries to their box: the benchmark's rules say to, the reference and so the paper does not",
      },
      network,
      cacheDir,
      engine,
      output,
      json,
    },
  },
  loader: loading<RetrievalOptions>(
    async () => interruptible((await import('../evaluate/retrieval/run-retrieval.js')).runRetrieval),
    'checkpoint',
  ),
})
