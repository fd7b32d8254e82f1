import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loadingList, share, wholeNumber } from './command.js'
import { engine, json, network } from './shared-flags.js'

export interface AttentionFlags {
  checkpoint: string
  outputDir: string
  imageSize?: number[]
  threshold: number
  network: 'teacher' | 'student'
  engine: string
  json: boolean
}

export interface AttentionOptions extends AttentionFlags {
  images: string[]
}

export const attention = buildCommand<AttentionFlags, string[], Context>({
  docs: {
    brief: 'Draw what the heads of the last block look at in images',
    fullDescription: [
      'Writes PNGs to --output-dir: for each head its map, the map laid over the image, and a mask of the patches that',
      'hold --threshold of its attention. Of several images each has a folder there, named like the image.',
      '',
      '  dino attention photo.jpg --checkpoint runs/demo',
      '  dino attention photo.jpg --checkpoint runs/demo --image-size 480 640 --threshold 0.8',
      '  dino attention ./photos cat.jpg --checkpoint runs/demo --image-size 480 --output-dir looks',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'array',
      parameter: {
        placeholder: 'images',
        parse: String,
        brief: 'image files, or folders, globs, lists and archives of them',
      },
      minimum: 1,
    },
    flags: {
      checkpoint: {
        kind: 'parsed',
        parse: String,
        brief: 'run folder, a checkpoint, or weights (.safetensors, .pth; official, timm or Hugging Face names)',
      },
      outputDir: { kind: 'parsed', parse: String, default: 'attention', brief: 'folder for the pictures' },
      imageSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        variadic: ',',
        optional: true,
        brief:
          'pixels, one number or height and width, cut to whole patches; more pixels, finer maps. Of the image unless given',
      },
      threshold: {
        kind: 'parsed',
        parse: share,
        default: '0.6',
        brief: 'share of the attention that a mask holds; lower it for smaller masks',
      },
      network,
      engine,
      json,
    },
  },
  loader: loadingList<AttentionOptions>(
    async () => interruptible((await import('../inspect/run-attention.js')).runAttention),
    'images',
  ),
})
