import { buildCommand } from '@stricli/core'

export const dryRun = buildCommand({
  docs: {
    brief: 'Hold the estimates of `dino train --dry-run` against what is then measured',
    fullDescription:
      'Each setting is estimated in one process and run in another. Nothing else should use the machine.',
  },
  parameters: {
    flags: {
      only: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TEXT',
        brief: 'settings whose name has this',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON instead of a table' },
    },
  },
  loader: async () => (await import('../dry-run/run.js')).runDryRun,
})
