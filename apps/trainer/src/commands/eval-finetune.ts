import { buildCommand } from '@stricli/core'
import { archs } from '../config/architecture.js'
import { finetune as defaults } from '../evaluate/finetune/finetune-defaults.js'
import { above0, atLeast0, type Context, loading, share, wholeNumber } from './command.js'
import { engine, imageSize, json, network, output } from './shared-flags.js'

export interface FinetuneFlags {
  data: string
  epochs: number
  batchSize: number
  lr: number
  warmupEpochs?: number
  minLr: number
  weightDecay: number
  smoothing: number
  dropPathRate: number
  layerDecay: number
  mixup: number
  colorJitter: number
  imageSize?: number
  arch?: (typeof archs)[number]
  patchSize?: number
  like?: string
  network: 'teacher' | 'student'
  outputDir?: string
  output?: string
  seed: number
  precision: 'fp32' | 'bf16'
  recompute: boolean
  numWorkers?: number
  threads: number
  engine: string
  json: boolean
}

export interface FinetuneOptions extends FinetuneFlags {
  checkpoint: string
}

export const evalFinetune = buildCommand<FinetuneFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Train the whole network on labels, from a checkpoint or from nothing, and score it',
    fullDescription: [
      'Puts a linear classifier on [CLS] and trains everything, as DeiT does: AdamW, warm-up and cosine, random crops and flips, label',
      'smoothing, stochastic depth. After each epoch it scores val/. The whole command again goes on where it stopped; Ctrl-C saves.',
      '',
      '  dino eval finetune runs/demo --data ./labelled --epochs 30     train/ and val/ in it, one sub-folder a class',
      '  dino eval finetune dino_deitsmall16_pretrain.pth --data ./flowers --layer-decay 0.75',
      '  dino eval finetune random --like runs/demo --data ./labelled   the same without pre-training, to compare',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          placeholder: 'checkpoint',
          parse: String,
          brief:
            'run folder, a checkpoint, or weights (.safetensors, .pth), self-supervised or not; or the word random',
        },
      ],
    },
    flags: {
      data: {
        kind: 'parsed',
        parse: String,
        brief: 'folder with train/ and val/, one sub-folder per class in each; or a source with {split} in its name',
      },
      epochs: { kind: 'parsed', parse: wholeNumber(1), default: String(defaults.epochs), brief: 'passes over train/' },
      batchSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        default: String(defaults.batchSize),
        brief: 'images a step; lr is scaled by it',
      },
      lr: {
        kind: 'parsed',
        parse: above0,
        default: String(defaults.lr),
        brief: 'peak learning rate for a batch of 512: the one used is lr x batch / 512',
      },
      warmupEpochs: {
        kind: 'parsed',
        parse: wholeNumber(0),
        optional: true,
        brief: 'epochs of linear warm-up, a twentieth of the epochs unless given',
      },
      minLr: {
        kind: 'parsed',
        parse: atLeast0,
        default: String(defaults.minLr),
        brief: 'learning rate at the end, not scaled by the batch',
      },
      weightDecay: {
        kind: 'parsed',
        parse: atLeast0,
        default: String(defaults.weightDecay),
        brief: 'of all but biases and norms',
      },
      smoothing: {
        kind: 'parsed',
        parse: share,
        default: String(defaults.smoothing),
        brief: 'share of a label that is spread over all classes',
      },
      dropPathRate: {
        kind: 'parsed',
        parse: share,
        default: String(defaults.dropPathRate),
        brief: 'stochastic depth; a ResNet has none',
      },
      layerDecay: {
        kind: 'parsed',
        parse: share,
        default: String(defaults.layerDecay),
        brief:
          'learning rate of a block, in units of that of the next one; 1 = the same for all, .65 to .75 keeps more of what was learned',
      },
      mixup: {
        kind: 'parsed',
        parse: atLeast0,
        default: String(defaults.mixup),
        brief: 'mix each batch with itself in reverse by a share from Beta(this, this); DeiT: .8, 0 = off',
      },
      colorJitter: {
        kind: 'parsed',
        parse: share,
        default: String(defaults.colorJitter),
        brief: 'brightness, contrast and saturation by a factor within 1 +- this; 0 = off',
      },
      imageSize,
      arch: { kind: 'enum', values: archs, optional: true, brief: 'of fresh weights (random)' },
      patchSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'of fresh weights, pixels. 16 unless given',
      },
      like: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'checkpoint',
        brief: 'make fresh weights (random) of the architecture of this one',
      },
      network,
      outputDir: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief:
          'folder for checkpoint, weights and result; finetune/ in the folder of a run, runs/finetune-NAME for other weights unless given',
      },
      output,
      seed: {
        kind: 'parsed',
        parse: wholeNumber(0),
        default: String(defaults.seed),
        brief: 'of everything random: same seed, same result',
      },
      precision: { kind: 'enum', values: ['fp32', 'bf16'], default: 'fp32', brief: 'of matrix products' },
      recompute: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'compute the blocks again for their gradients: less memory, a third more time',
      },
      numWorkers: {
        kind: 'parsed',
        parse: wholeNumber(0),
        optional: true,
        brief: 'threads that decode and augment; never changes the result. CPU cores - 1 unless given',
      },
      threads: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'threads of TensorFlow, 0 = all cores' },
      engine,
      json,
    },
  },
  loader: loading<FinetuneOptions>(
    async () => (await import('../evaluate/finetune/run-finetune.js')).runFinetune,
    'checkpoint',
  ),
})
