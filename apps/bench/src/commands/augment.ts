import { buildCommand, numberParser } from '@stricli/core'
import { augment as defaults } from '../augment/defaults.js'
import { peerPython } from './peer-flags.js'

export const augment = buildCommand({
  docs: {
    brief: "Time the augmentation of photos, beside torchvision's and albumentationsx's if asked",
    fullDescription: [
      "DINO's ten crops of a decoded photo and of a file, every operation, and the worker pool. Each side runs in processes of its own, pinned to",
      'one core, in turn; ratios are those of the medians. The peers need an environment made by apps/bench/peers/setup.sh; their photos come from',
      "packages there (apps/bench/peers/photos.py), or are one's own.",
      '',
      '  npm run bench -- augment --peer-python ~/peers/bin/python',
      '  npm run bench -- augment --photos ./photos',
    ].join('\n'),
  },
  parameters: {
    flags: {
      photos: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'folder of JPEGs; without it those that photos.py makes, or one that is generated',
      },
      rounds: {
        kind: 'parsed',
        parse: numberParser,
        default: String(defaults.rounds),
        brief: 'processes of each side',
      },
      repeats: {
        kind: 'parsed',
        parse: numberParser,
        default: String(defaults.repeats),
        brief: 'times that each photo is taken in a process',
      },
      peerPython,
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print one JSON object instead of tables' },
    },
  },
  loader: async () => (await import('../augment/run.js')).runAugment,
})
