import { knn } from '@dino/eval/defaults'
import { buildCommand } from '@stricli/core'
import { Failure } from '../report/io.js'
import { above0, type Context, interruptible, loading, wholeNumber } from './command.js'
import { cacheDir, checkpoint, engine, imageSize, json, network, output, precision } from './shared-flags.js'

export interface KnnFlags {
  data: string
  k: number[]
  temperature: number
  leaveOneOut: boolean
  shots?: number[]
  fraction?: number[]
  seeds?: number
  perClass: boolean
  network: 'teacher' | 'student'
  imageSize?: number
  cacheDir?: string
  precision: 'fp32' | 'bf16'
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
      '  dino eval knn runs/demo --data ./labelled --shots 1 5 10   with few labels: 1, 5 and 10 training images a class',
      '  dino eval knn runs/demo --data ./one-folder --leave-one-out --per-class   each image by all others',
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
      leaveOneOut: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: '--data is one folder of class folders, without train/ and val/: each image is classified by all others',
      },
      shots: {
        kind: 'parsed',
        parse: wholeNumber(1),
        variadic: ',',
        optional: true,
        brief: 'so many training images of each class vote; several give several scores',
      },
      fraction: {
        kind: 'parsed',
        parse: part,
        variadic: ',',
        optional: true,
        brief: 'this share of the training images of each class votes, above 0, up to 1',
      },
      seeds: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'how often --shots and --fraction draw anew, for mean and standard deviation; 5 unless given',
      },
      perClass: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'adds a table of the classes, for the first k',
      },
      network,
      imageSize,
      cacheDir,
      precision,
      engine,
      output,
      json,
    },
    aliases: { k: 'k' },
  },
  loader: loading<KnnOptions>(
    async () => interruptible((await import('../evaluate/knn/run-knn.js')).runKnn),
    'checkpoint',
  ),
})

function part(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 1) return value
  throw new Failure(`expected a number, above 0, at most 1, got ${JSON.stringify(text)}`, 2)
}
