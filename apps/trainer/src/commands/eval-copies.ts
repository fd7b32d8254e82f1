import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { cacheDir, checkpoint, engine, imageSize, json, network, output } from './shared-flags.js'

export interface CopiesFlags {
  data: string
  distractors?: string
  whitening?: string
  uncentredCovariance: boolean
  imageSize?: number
  network: 'teacher' | 'student'
  cacheDir?: string
  engine: string
  output?: string
  json: boolean
}

export interface CopiesOptions extends CopiesFlags {
  checkpoint: string
}

export const evalCopies = buildCommand<CopiesFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score a checkpoint by how it finds the original of a copy: Copydays',
    fullDescription: [
      'Each altered image looks for its original by the cosine of [CLS] and the generalised mean (GeM, power 4) of the patches. Mean average',
      'precision of every kind of alteration in --data; strong is the one that is published.',
      '',
      '  dino eval copies dino_vitb8.pth --data ./copydays --image-size 320 --whitening ./yfcc/20k --distractors ./yfcc/10k',
      '',
      '--data holds original/200000.jpg, strong/200001.jpg …, perhaps jpegqual/3/200000.jpg … and crops/10/200000.jpg …, as Copydays is',
      'distributed: a copy has the first four digits of its original.',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder with original/ and strong/' },
      distractors: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'images that no copy was made of, among which to search; the paper takes 10,000 of YFCC100M',
      },
      whitening: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'other images, to learn a whitening of the features from; the paper takes 20,000 of YFCC100M',
      },
      uncentredCovariance: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: "whitens by the covariance about 0 instead of the mean, as the reference's code and so the paper",
      },
      imageSize,
      network,
      cacheDir,
      engine,
      output,
      json,
    },
  },
  loader: loading<CopiesOptions>(
    async () => interruptible((await import('../evaluate/copies/run-copies.js')).runCopies),
    'checkpoint',
  ),
})
