import { buildCommand } from '@stricli/core'

export const parity = buildCommand({
  docs: {
    brief: 'Compare every case of a fixture folder with the reference',
    fullDescription:
      'Runs every case of DIR/manifest.json on the compiled engine and eagerly, and prints how far each result is from ' +
      'that of the PyTorch reference.\nExits with 1 if a case fails, with 2 if there is nothing to run.',
  },
  parameters: {
    flags: {
      fixtures: {
        kind: 'parsed',
        parse: String,
        placeholder: 'DIR',
        optional: true,
        brief: 'folder with manifest.json; without it, the cases in this repository',
      },
      engine: {
        kind: 'parsed',
        parse: String,
        variadic: ',',
        optional: true,
        placeholder: 'tensorflow|eager|PATH',
        brief: 'engines to run on, PATH being a folder with libtensorflow; without it, tensorflow,eager',
      },
      kind: {
        kind: 'parsed',
        parse: String,
        variadic: ',',
        optional: true,
        placeholder: 'KIND',
        brief: 'kinds of cases to run; without it, all',
      },
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'print one JSON object instead of a table' },
    },
  },
  loader: async () => (await import('../parity/run.js')).runParity,
})
