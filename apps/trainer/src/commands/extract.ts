import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading } from './command.js'
import { checkpoint, engine, imageSize, json, network } from './shared-flags.js'

export interface ExtractFlags {
  data: string
  output: string
  network: 'teacher' | 'student'
  imageSize?: number
  engine: string
  json: boolean
}

export interface ExtractOptions extends ExtractFlags {
  checkpoint: string
}

export const extract = buildCommand<ExtractFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Write the features of a folder of images to a safetensors file',
    fullDescription: [
      'One row an image: the [CLS] token after the final norm. Unreadable images are named and left out.',
      '',
      '  dino extract runs/demo --data ./photos --output photos.safetensors',
    ].join('\n'),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [checkpoint] },
    flags: {
      data: {
        kind: 'parsed',
        parse: String,
        brief: 'folder, glob, list (.txt), .zip, .tar or shards of images, or the URL of one',
      },
      output: { kind: 'parsed', parse: String, default: 'features.safetensors', brief: 'file to write' },
      network,
      imageSize,
      engine,
      json,
    },
  },
  loader: loading<ExtractOptions>(
    async () => interruptible((await import('../inspect/run-extract.js')).runExtract),
    'checkpoint',
  ),
})
