import { buildCommand, numberParser } from '@stricli/core'

/** One process of our side; `augment` starts it. */
export const augmentChild = buildCommand({
  docs: { brief: 'Time our augmentation in this process, print one JSON line' },
  parameters: {
    flags: {
      photos: { kind: 'parsed', parse: String, brief: 'folder of JPEGs' },
      repeats: { kind: 'parsed', parse: numberParser, brief: 'times that each photo is taken' },
      workers: { kind: 'parsed', parse: numberParser, optional: true, brief: 'time the pool with so many instead' },
    },
  },
  loader: async () => (await import('../augment/ours.js')).printAugment,
})
