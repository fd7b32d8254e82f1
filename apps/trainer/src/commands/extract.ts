import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loading, wholeNumber } from './command.js'
import { checkpoint, engine, imageSize, json, network, precision } from './shared-flags.js'

export interface ExtractFlags {
  data: string
  output?: string
  features: 'cls' | 'patches' | 'blocks'
  blocks?: number
  format: 'safetensors' | 'npy'
  shardSize?: number
  network: 'teacher' | 'student'
  imageSize?: number
  precision: 'fp32' | 'bf16'
  engine: string
  json: boolean
}

export interface ExtractOptions extends ExtractFlags {
  checkpoint: string
}

export const extract = buildCommand<ExtractFlags, [checkpoint: string], Context>({
  docs: {
    brief: 'Write the features of images to safetensors or NumPy files',
    fullDescription: [
      'One row an image: the [CLS] token after the final norm, the patch tokens, or [CLS] of the last blocks. Unreadable images',
      'are named and left out. With --shard-size the output is a folder: memory stays flat however many images there are, and the',
      'same command goes on where it was stopped.',
      '',
      '  dino extract runs/demo --data ./photos --output photos.safetensors',
      '  dino extract runs/demo --data ./photos --format npy --output photos.npy   files in photos.json',
      '  dino extract runs/demo --data ./photos --features patches --shard-size 1000 --output photos-patches',
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
      output: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief:
          'file to write, or with --shard-size the folder; features.safetensors, features.npy or features unless given',
      },
      features: {
        kind: 'enum',
        values: ['cls', 'patches', 'blocks'],
        default: 'cls',
        brief:
          'cls: [D] an image; patches: [patches, D] of the last block; blocks: [n, D], the [CLS] of the last n blocks',
      },
      blocks: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'last blocks of --features blocks; 4 unless given',
      },
      format: {
        kind: 'enum',
        values: ['safetensors', 'npy'],
        default: 'safetensors',
        brief: 'npy: an array of NumPy, with the names of the files as JSON beside it',
      },
      shardSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'images of a file; several files in a folder then, with an index.json. One file unless given',
      },
      network,
      imageSize,
      precision,
      engine,
      json,
    },
  },
  loader: loading<ExtractOptions>(
    async () => interruptible((await import('../inspect/run-extract.js')).runExtract),
    'checkpoint',
  ),
})
