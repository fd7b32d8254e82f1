import { buildCommand } from '@stricli/core'
import { type Context, interruptible, loadingList, wholeNumber } from './command.js'
import { engine, json, network } from './shared-flags.js'

export interface PcaFlags {
  checkpoint: string
  outputDir: string
  imageSize?: number[]
  foreground: boolean
  basis?: string
  saveBasis?: string
  network: 'teacher' | 'student'
  engine: string
  json: boolean
}

export interface PcaOptions extends PcaFlags {
  images: string[]
}

export const pca = buildCommand<PcaFlags, string[], Context>({
  docs: {
    brief: 'Paint images by what their patches have in common',
    fullDescription: [
      'Red, green and blue are the first three principal components of the patch features, fitted over all images given: the same',
      'colour means alike in all of them. The same images give the same pictures.',
      '',
      '  dino pca ./photos --checkpoint runs/demo --image-size 448',
      '  dino pca cats/*.jpg --checkpoint dino_vits8.pth --foreground --save-basis cats.safetensors',
      '  dino pca new.jpg --checkpoint dino_vits8.pth --basis cats.safetensors     in the colours of those',
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
      outputDir: { kind: 'parsed', parse: String, default: 'pca', brief: 'folder for the pictures' },
      imageSize: {
        kind: 'parsed',
        parse: wholeNumber(1),
        variadic: ',',
        optional: true,
        brief:
          'pixels, one number or height and width, cut to whole patches; more pixels, finer maps. Of the image unless given',
      },
      foreground: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'leave black what the first component sets apart at the edges of the images, and fit to the rest',
      },
      basis: { kind: 'parsed', parse: String, optional: true, brief: 'file of a fit to use, instead of fitting' },
      saveBasis: { kind: 'parsed', parse: String, optional: true, brief: 'file to keep the fit in' },
      network,
      engine,
      json,
    },
  },
  loader: loadingList<PcaOptions>(async () => interruptible((await import('../inspect/run-pca.js')).runPca), 'images'),
})
