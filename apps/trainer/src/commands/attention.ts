import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading, share, wholeNumber } from './command.js'
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
  image: string
}

export const attention = buildCommand<AttentionFlags, [image: string], Context>({
  docs: {
    brief: 'Draw what the heads of the last block look at in an image',
    fullDescription: [
      'Writes PNGs to --output-dir: for each head its map, the map laid over the image, and a mask of the patches that',
      'hold --threshold of its attention.',
      '',
      '  dino attention photo.jpg --checkpoint runs/demo',
      '  dino attention photo.jpg --checkpoint runs/demo --image-size 480 640 --threshold 0.8',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'image', parse: String, brief: 'image file to look at' }],
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
  loader: loading<AttentionOptions>(
    async () => interruptible((await import('../inspect/run-attention.js')).runAttention),
    'image',
  ),
})
