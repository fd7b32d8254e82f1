import { buildCommand } from '@stricli/core'
import { fields } from '../config/fields.js'
import type { TrainOptions } from '../config/schema.js'
import { Failure } from '../report/io.js'
import { type Context, loading, wholeNumber } from './command.js'
import { settingFlag } from './setting-flag.js'
import { callFlags, trainHelp } from './train-help.js'

/** Every setting of the schema, and what is of this call alone. */
export interface TrainFlags extends TrainOptions {
  config?: string
  resume?: boolean
  printConfig: boolean
  dryRun: boolean
  printGraph: boolean
  dumpGraph?: string
  profile?: number
  json: boolean
}

const description = [
  'Trains a student to predict the outputs of its own moving average, the teacher, on crops of unlabelled images. The',
  'defaults are those of the reference (facebookresearch/dino) for ImageNet; a recipe fits them to something else.',
  '',
  '  dino train --data ./photos --recipe demo                    minutes on a laptop',
  '  dino train --data ./photos --arch vit_tiny --out-dim 4096   a smaller model, fewer prototypes',
  '  dino train --data ./photos --config my.config.ts            settings from a file; flags go over it',
  '  dino train --data ./photos --dry-run                        the memory and time that it would take',
  '  dino train --data ./photos --recipe demo --profile 5        where the time of a step goes',
  '  dino train --output-dir runs/demo --resume                  go on with a run that was stopped',
  '',
  'The same command again goes on with the same run. Ctrl-C saves and exits with 130. The names of the reference',
  '(--batch_size_per_gpu 64) are accepted too. Numbers in brackets are defaults.',
].join('\n')

const command = buildCommand<TrainFlags, [], Context>({
  docs: { brief: 'Train a vision transformer on a folder of images, without labels', fullDescription: description },
  parameters: {
    flags: {
      ...Object.fromEntries(fields.map((field) => [field.key, settingFlag(field)])),
      config: { kind: 'parsed', parse: String, optional: true, placeholder: 'file', brief: callFlags.config },
      resume: { kind: 'parsed', parse: boolean, optional: true, inferEmpty: true, brief: callFlags.resume },
      dryRun: { kind: 'boolean', default: false, withNegated: false, brief: callFlags.dryRun },
      printGraph: { kind: 'boolean', default: false, withNegated: false, brief: callFlags.printGraph },
      dumpGraph: { kind: 'parsed', parse: String, optional: true, placeholder: 'path', brief: callFlags.dumpGraph },
      profile: { kind: 'parsed', parse: wholeNumber(1), optional: true, placeholder: 'N', brief: callFlags.profile },
      json: { kind: 'boolean', default: false, withNegated: false, brief: callFlags.json },
      printConfig: { kind: 'boolean', default: false, withNegated: false, brief: callFlags.printConfig },
    },
  } as never, // the settings are known to zod, not to Stricli's types
  loader: loading(async () => (await import('./run-train.js')).runTrain),
})

export const train: typeof command = {
  ...command,
  formatHelp: ({ prefix }) => trainHelp(`${prefix.join(' ')} --data DIR [flags]`, description),
}

function boolean(text: string): boolean {
  if (text === '' || /^(on|true|1)$/i.test(text)) return true
  if (/^(off|false|0)$/i.test(text)) return false
  throw new Failure(`expected true or false, got ${JSON.stringify(text)}`, 2)
}
