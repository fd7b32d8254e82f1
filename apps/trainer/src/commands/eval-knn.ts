import { knn } from '@dino/eval/defaults'
import { buildCommand } from '@stricli/core'
import { above0, type Context, interruptible, loading, wholeNumber } from './command.js'
import { cacheDir, checkpoint, engine, imageSize, json, network, output } from './shared-flags.js'

export interface KnnFlags {
  data: string
  k: number[]
  temperature: number
  network: 'teacher' | 'student'
  imageSize?: number
  cacheDir?: string
  engine: string
  output?: string
  json: boolean
}

export interface KnnOptions extends KnnFlags {
  checkpoint: string
}

export const evalKnn = buildCommand<KnnFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score a checkpoint by its k nearest neighbours on frozen features',
    fullDescription: [
      'Each validation image takes the class that its nearest training images vote for: no training, one number.',
      '',
      '  dino eval knn runs/demo --data ./labelled            train/ and val/ in it, one sub-folder a class',
      '  dino eval knn runs/demo --data ./labelled --k 10 20  other numbers of neighbours',
      '  dino eval knn runs/demo --data "in-{split}.zip"      in-train.zip and in-val.zip; tar files, shards, lists, URLs too',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: {
        kind: 'parsed',
        parse: String,
        brief: 'folder with train/ and val/, one sub-folder per class in each; or a source with {split} in its name',
      },
      k: {
        kind: 'parsed',
        parse: wholeNumber(1),
        variadic: ',',
        default: knn.k.map(String),
        brief: 'neighbours that vote; several give several scores',
      },
      temperature: {
        kind: 'parsed',
        parse: above0,
        default: String(knn.temperature),
        brief: 'a vote weighs exp(cosine / temperature)',
      },
      network,
      imageSize,
      cacheDir,
      engine,
      output,
      json,
    },
    aliases: { k: 'k' },
  },
  loader: loading<KnnOptions>(async () => interruptible((await import('../inspect/run-knn.js')).runKnn), 'checkpoint'),
})
