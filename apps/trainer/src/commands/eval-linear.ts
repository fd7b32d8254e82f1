import { linear } from '@dino/eval/defaults'
import { buildCommand } from '@stricli/core'
import { above0, type Context, interruptible, loading, onOrOff, wholeNumber } from './command.js'
import { cacheDir, checkpoint, engine, imageSize, json, network, output } from './shared-flags.js'

export interface LinearFlags {
  data: string
  nLastBlocks?: number
  avgpool?: boolean
  standardize?: boolean
  lr?: number[]
  epochs: number
  batchSize: number
  augmented: boolean
  weights?: string
  seed: number
  numWorkers?: number
  network: 'teacher' | 'student'
  imageSize?: number
  cacheDir?: string
  engine: string
  output?: string
  json: boolean
}

export interface LinearOptions extends LinearFlags {
  checkpoint: string
}

export const evalLinear = buildCommand<LinearFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score a checkpoint by a linear classifier on its frozen features',
    fullDescription: [
      'Features are computed once and kept. Classifiers are trained on nine tenths of train/, one for each learning rate, on features as',
      'they are and standardized; what does best on the last tenth trains on all of it, and is scored on val/, which has no part in the choice.',
      '',
      '  dino eval linear runs/demo --data ./labelled                       train/ and val/ in it, one sub-folder a class',
      '  dino eval linear runs/demo --data ./labelled --lr 0.01 0.1         these learning rates only',
      "  dino eval linear runs/demo --data ./labelled --augmented           the paper's protocol: other crops in each epoch",
      '  dino eval linear dino_vits16.pth --data imagenet --weights dino_deitsmall16_linearweights.pth   no training',
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
      nLastBlocks: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'blocks whose [CLS] is taken, from the last; 4, or 1 from 768 features on, unless given',
      },
      avgpool: {
        kind: 'parsed',
        parse: onOrOff,
        inferEmpty: true,
        optional: true,
        brief: 'adds the mean patch of the last block; on from 768 features on, unless given',
      },
      standardize: {
        kind: 'parsed',
        parse: onOrOff,
        inferEmpty: true,
        optional: true,
        brief:
          'brings each feature to mean 0 and deviation 1, which the weights then take in; both are tried unless given',
      },
      lr: {
        kind: 'parsed',
        parse: above0,
        variadic: ',',
        optional: true,
        brief: `learning rates to try, for a batch of 256; ${linear.lrs[0]} to ${linear.lrs.at(-1)} in ${linear.lrs.length} steps unless given, ${linear.lr} with --augmented`,
      },
      epochs: { kind: 'parsed', parse: wholeNumber(1), default: String(linear.epochs), brief: 'passes over train/' },
      batchSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        default: String(linear.batchSize),
        brief: 'images of a step; the learning rate is multiplied by it / 256',
      },
      augmented: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief:
          'random crops and mirroring, features computed anew in each epoch, as in the paper; takes one --lr; goes on after Ctrl-C',
      },
      weights: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief:
          'scores this classifier on val/ instead of training one: linear.safetensors of an earlier call, or official linear weights',
      },
      seed: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'of first weights, order and crops' },
      numWorkers: {
        kind: 'parsed',
        parse: wholeNumber(0),
        optional: true,
        brief: 'threads that decode and crop, with --augmented; one less than cores unless given',
      },
      network,
      imageSize,
      cacheDir,
      engine,
      output,
      json,
    },
  },
  loader: loading<LinearOptions>(async () => {
    const { runLinear } = await import('../evaluate/linear/run-linear.js')
    const plain = interruptible(runLinear)
    return (options, io) => (options.augmented ? runLinear(options, io) : plain(options, io)) // that one saves at Ctrl-C
  }, 'checkpoint'),
})
