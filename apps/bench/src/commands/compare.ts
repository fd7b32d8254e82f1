import { buildCommand, numberParser } from '@stricli/core'

export const compare = buildCommand({
  docs: {
    brief: 'Time the step under several settings of `dino train`, in turn',
    fullDescription:
      'All settings train one set of weights in one process, a step of each in every round, on crops of noise.\n\n' +
      `Example: npm run bench -- compare --base '{"batchSize":8,"dropPathRate":0.3}' '{}' '{"dropPathRows":"kept"}'`,
  },
  parameters: {
    positional: {
      kind: 'array',
      minimum: 1,
      parameter: { placeholder: 'settings', parse: String, brief: 'what differs, as JSON in camelCase' },
    },
    flags: {
      base: {
        kind: 'parsed',
        parse: String,
        default: '{"batchSize":8}',
        brief: 'settings of all, over those of a ViT-S/16',
      },
      rounds: { kind: 'parsed', parse: numberParser, default: '4', brief: 'timed steps of each' },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print all times as JSON' },
    },
  },
  loader: async () => (await import('../step/compare.js')).runCompare,
})
