import { buildCommand, numberParser } from '@stricli/core'

export const growth = buildCommand({
  docs: {
    brief: 'How time and memory of a step grow with batch, crops, tokens, K and depth',
    fullDescription:
      'Four sizes of each, a process each; prints the slopes on logarithmic axes, and draws them with --report.\n\n' +
      'With --out, what was measured is kept, and not measured again.\n\n' +
      'Example: npm run bench -- growth --only batch,depth --out runs/growth --report docs/results',
  },
  parameters: {
    flags: {
      steps: { kind: 'parsed', parse: numberParser, default: '3', brief: 'timed steps of each process' },
      only: { kind: 'parsed', parse: String, variadic: ',', optional: true, brief: 'batch, crops, tokens, K, depth' },
      out: { kind: 'parsed', parse: String, optional: true, placeholder: 'DIR', brief: 'keeps what was measured' },
      threads: { kind: 'parsed', parse: numberParser, optional: true, brief: 'all cores unless given' },
      engine: { kind: 'parsed', parse: String, default: 'tensorflow', brief: 'tensorflow, eager or a folder' },
      report: { kind: 'parsed', parse: String, optional: true, placeholder: 'DIR', brief: 'growth.md and growth.svg' },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' },
    },
  },
  loader: async () => (await import('../step/growth.js')).runGrowth,
})
