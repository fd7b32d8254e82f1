import { buildCommand } from '@stricli/core'
import { fields, type Key } from '../config/fields.js'
import type { TrainOptions } from '../config/schema.js'
import { type Context, interruptible, loading, wholeNumber } from './command.js'
import { recipeNames } from './recipes.js'
import { settingFlag } from './setting-flag.js'
import { json } from './shared-flags.js'

/** The settings of `dino train` that change a view. */
const cropSettings: readonly Key[] = [
  'globalCropsSize',
  'globalCropsScale',
  'localCropsNumber',
  'localCropsSize',
  'localCropsScale',
  'cropRatio',
  'flipP',
  'jitterP',
  'brightness',
  'contrast',
  'saturation',
  'hue',
  'grayscaleP',
  'blurP',
  'blurSigma',
  'solarizeP',
  'background',
]

/** Recipes of @dino/augment that no recipe of `dino train` has. */
export const viewRecipes = {
  dinov2: 'dinov2',
  'dinov2-patch14': 'dinov2Patch14',
  dinov3: 'dinov3',
  resnet50: 'dinoResNet50',
} as const

export interface AugmentPreviewFlags extends TrainOptions {
  output: string
  seed: number
  epoch: number
  images: number
  json: boolean
}

export interface AugmentPreviewOptions extends AugmentPreviewFlags {
  source: string
}

export const augmentPreview = buildCommand<AugmentPreviewFlags, [source: string], Context>({
  docs: {
    brief: 'Write a page with the views of some images, what was drawn for each, and how often each operation fires',
    fullDescription: [
      'One HTML file that needs nothing else: the views of some images as `dino train` would see them with these settings, the drawn numbers',
      'and, on hover, the steps of each view; and a table of how often each operation fires over all images, beside how often it should.',
      '',
      '  dino augment preview photo.jpg',
      '  dino augment preview ./photos --images 12 --recipe paper-800',
      '  dino augment preview ./photos --recipe dinov2 --local-crops-number 4 --output views.html',
      '',
      `Recipes are those of \`dino recipes\`, and ${Object.keys(viewRecipes).join(', ')}. Numbers in brackets are defaults.`,
    ].join('\n'),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          placeholder: 'image|dir',
          parse: String,
          brief: 'image file, or folder, glob, list (.txt), .zip, .tar or shards of images, or the URL of one',
        },
      ],
    },
    flags: {
      output: { kind: 'parsed', parse: String, default: 'augment-preview.html', brief: 'page to write' },
      images: { kind: 'parsed', parse: wholeNumber(1), default: '6', brief: 'images to show, spread over the data' },
      seed: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'of all draws, as in `dino train`' },
      epoch: { kind: 'parsed', parse: wholeNumber(0), default: '0', brief: 'whose draws, from 0' },
      recipe: {
        kind: 'parsed',
        parse: String,
        optional: true,
        brief: 'recipe to start from; flags go over it',
        proposeCompletions: (partial: string) => [
          ...recipeNames(partial),
          ...Object.keys(viewRecipes).filter((name) => name.startsWith(partial)),
        ],
      },
      ...Object.fromEntries(
        fields.filter(({ key }) => cropSettings.includes(key)).map((field) => [field.key, settingFlag(field)]),
      ),
      json,
    },
  } as never, // the settings are known to zod, not to Stricli's types
  loader: loading<AugmentPreviewOptions>(
    async () => interruptible((await import('../augment/run-preview.js')).runPreview),
    'source',
  ),
})
