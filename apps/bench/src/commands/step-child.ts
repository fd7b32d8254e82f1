import { buildCommand } from '@stricli/core'
import { modelFlags } from './step-flags.js'

/** One process of our side; `step` starts it. */
export const stepChild = buildCommand({
  docs: { brief: 'Time our training step in this process, print one JSON line' },
  parameters: { flags: modelFlags },
  loader: async () => (await import('../step/ours.js')).printOurs,
})
