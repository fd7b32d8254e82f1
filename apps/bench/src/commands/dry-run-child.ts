import { buildCommand } from '@stricli/core'

/** One process of `dry-run`. */
export const dryRunChild = buildCommand({
  docs: { brief: 'Estimate or measure one setting in this process, print one JSON line' },
  parameters: {
    flags: {
      settings: { kind: 'parsed', parse: String, brief: 'settings of a run, as JSON' },
      measure: { kind: 'boolean', default: false, withNegated: false, brief: 'run the step as it is set' },
    },
  },
  loader: async () => (await import('../dry-run/child.js')).printDryRun,
})
