import { buildCommand, numberParser } from '@stricli/core'
import { step as defaults } from '../step/defaults.js'

export const stepTable = buildCommand({
  docs: {
    brief: 'Time the step in every setting of the table, beside PyTorch, and print it as Markdown',
    fullDescription:
      'ViT-S/16, ViT-Ti/16, ResNet-50 and ViT-S/8, in fp32 and bf16, on two crops and ten. Each row is kept as a file of --out as soon as it is\n' +
      'measured, and measured only if its file is not there: call it again to go on.\n\n' +
      'Example: npm run bench -- step-table --peer-python PEER/bin/python --out step-table --only vits16',
  },
  parameters: {
    flags: {
      peerPython: { kind: 'parsed', parse: String, placeholder: 'PATH', brief: 'python of the peer environment' },
      out: { kind: 'parsed', parse: String, placeholder: 'DIR', brief: 'folder of the rows that are done' },
      only: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'TEXT',
        brief: 'rows with this in their name',
      },
      report: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'step.md of all rows of --out',
      },
      steps: {
        kind: 'parsed',
        parse: numberParser,
        default: String(defaults.steps),
        brief: 'timed steps of each process',
      },
      rounds: {
        kind: 'parsed',
        parse: numberParser,
        default: String(defaults.rounds),
        brief: 'processes of each side',
      },
    },
  },
  loader: async () => (await import('../step/table.js')).runTable,
})
