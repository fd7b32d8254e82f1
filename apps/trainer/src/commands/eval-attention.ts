import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading, share } from './command.js'
import { cacheDir, checkpoint, engine, imageSize, json, network, output } from './shared-flags.js'

export interface EvalAttentionFlags {
  data: string
  masks: 'class' | 'object' | 'alpha'
  split: string
  threshold: number
  compare?: string[]
  imageSize?: number
  network: 'teacher' | 'student'
  cacheDir?: string
  engine: string
  output?: string
  json: boolean
}

export interface EvalAttentionOptions extends EvalAttentionFlags {
  checkpoint: string
}

export const evalAttention = buildCommand<EvalAttentionFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Score how well the attention of the last block covers the objects of images',
    fullDescription: [
      'The patches that hold --threshold of the attention of [CLS], of each head and of their mean, against the true outline: Jaccard index,',
      'pixels in both over pixels in either, in percent. The image is resized to a square; pixels that nobody decided do not count.',
      '',
      '  dino eval attention dino_vits16.pth --data ./VOCdevkit/VOC2012 --image-size 480',
      '  dino eval attention dino_vits16.pth --data ./VOCdevkit/VOC2012 --compare deit_small.pth --compare random',
      '  dino eval attention runs/demo --data ./cutouts --masks alpha --compare random   images with transparent ground',
      '',
      '--data holds JPEGImages/, SegmentationClass/ and ImageSets/Segmentation/val.txt, as Pascal VOC 2012 is distributed.',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: { kind: 'parsed', parse: String, brief: 'folder of Pascal VOC; with --masks alpha any source of images' },
      masks: {
        kind: 'enum',
        values: ['class', 'object', 'alpha'],
        default: 'class',
        brief: 'where the truth is: SegmentationClass, SegmentationObject, or what of the images is not transparent',
      },
      split: { kind: 'parsed', parse: String, default: 'val', brief: 'list of ImageSets/Segmentation, without .txt' },
      threshold: {
        kind: 'parsed',
        parse: share,
        default: '0.6',
        brief: "share of the attention that a mask holds; 0.6 in the paper's figures",
      },
      compare: {
        kind: 'parsed',
        parse: String,
        variadic: true,
        optional: true,
        brief: 'another checkpoint beside it, or random: the same network untrained; may be given several times',
      },
      imageSize,
      network,
      cacheDir,
      engine,
      output,
      json,
    },
  },
  loader: loading<EvalAttentionOptions>(
    async () => interruptible((await import('../evaluate/attention/run-attention.js')).runEvalAttention),
    'checkpoint',
  ),
})
