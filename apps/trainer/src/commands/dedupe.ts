import { buildCommand } from '@stricli/core'
import { Failure } from '../report/io.js'
import { type Context, interruptible, loading } from './command.js'
import { cacheDir, engine, imageSize, json, network } from './shared-flags.js'

export interface DedupeFlags {
  checkpoint: string
  threshold: number
  html?: string
  network: 'teacher' | 'student'
  imageSize?: number
  cacheDir?: string
  engine: string
  json: boolean
}

export interface DedupeOptions extends DedupeFlags {
  folder: string
}

function cosine(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value > 0 && value <= 1) return value
  throw new Failure(`expected a cosine, above 0, up to 1, got ${JSON.stringify(text)}`, 2)
}

export const dedupe = buildCommand<DedupeFlags, [folder: string], Context>({
  docs: {
    brief: 'List near-duplicate images of a folder',
    fullDescription: [
      'Images whose features have a cosine of --threshold or more are linked; what is linked is a group. Of each group the largest',
      'image comes first, as the one to keep. Nothing is deleted.',
      '',
      '  dino dedupe ./photos --checkpoint runs/demo --html duplicates.html',
      '  dino dedupe ./photos --checkpoint runs/demo --threshold 0.98 --json',
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [{ placeholder: 'folder', parse: String, brief: 'folder, glob or list (.txt) of images' }],
    },
    flags: {
      checkpoint: {
        kind: 'parsed',
        parse: String,
        brief: 'run folder, a checkpoint, or weights (.safetensors, .pth; official, timm or Hugging Face names)',
      },
      threshold: {
        kind: 'parsed',
        parse: cosine,
        default: '0.95',
        brief: 'cosine from which two images are linked; raise it if images are grouped that are only alike',
      },
      html: { kind: 'parsed', parse: String, optional: true, brief: 'also write a page of the groups to this file' },
      network,
      imageSize,
      cacheDir,
      engine,
      json,
    },
  },
  loader: loading<DedupeOptions>(
    async () => interruptible((await import('../search/run-dedupe.js')).runDedupe),
    'folder',
  ),
})
