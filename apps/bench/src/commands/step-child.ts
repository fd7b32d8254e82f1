import { buildCommand, numberParser } from '@stricli/core'
import { modelFlags } from './step-flags.js'

/** One process of our side; `step` starts it. */
export const stepChild = buildCommand({
  docs: { brief: 'Time our training step in this process, print one JSON line' },
  parameters: {
    flags: { ...modelFlags, depth: { kind: 'parsed', parse: numberParser, optional: true, brief: 'blocks of a ViT' } },
  },
  loader: async () => (await import('../step/ours.js')).printOurs,
})
