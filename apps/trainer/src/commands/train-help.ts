import { type Field, fields, type Key } from '../config/fields.js'
import { wrap } from '../report/format.js'

/** The first setting of each part of the schema, in its order. */
export const headings: Partial<Record<Key, string>> = {
  recipe: 'RUN',
  arch: 'MODEL',
  outDim: 'HEAD',
  teacher: 'TEACHER AND LOSS',
  batchSize: 'OPTIMISATION',
  globalCropsSize: 'CROPS',
  flipP: 'AUGMENTATION',
  saveckpFreq: 'SAVING, MEASURING, STOPPING',
  seed: 'MACHINE',
}

/** Flags that are no settings: they are about this call. */
export const callFlags = {
  config:
    'settings from a file (.ts, .mts, .js, .mjs, .json, .yaml) in camelCase; its `extends` names others to start from',
  resume: 'go on with the run in --output-dir, with the settings saved there; false: never go on with one',
  dryRun: 'print what the run would take (memory, seconds a step, total time) from a short measurement, and exit',
  json: 'print what --dry-run finds as JSON',
  printGraph: 'print the program of a step, each node with its shape and scope, and exit',
  dumpGraph: 'write it as a GraphDef, and exit: to a .pb file, or to a folder that `tensorboard --logdir` shows',
  profile:
    "profile this many steps after the first two: time by op and scope, and a timeline in the run's profile.json",
  printConfig: 'print the effective settings as JSON and exit',
}

const WIDTH = 110
const NAME = 30

/** The help of `dino train`, in parts: some sixty flags are no list to read. */
export function trainHelp(usage: string, description: string): string {
  const lines = ['USAGE', `  ${usage}`, '', description]
  for (const field of fields) {
    const heading = headings[field.key]
    if (heading) lines.push('', heading)
    if (heading === 'RUN') {
      lines.push(...entry('--config FILE', callFlags.config))
      lines.push(...entry('--resume [true|false]', callFlags.resume))
      lines.push(...entry('--dry-run', callFlags.dryRun))
      lines.push(...entry('--json', callFlags.json))
      lines.push(...entry('--profile N', callFlags.profile))
      lines.push(...entry('--print-graph', callFlags.printGraph))
      lines.push(...entry('--dump-graph PATH', callFlags.dumpGraph))
      lines.push(...entry('--print-config', callFlags.printConfig))
    }
    lines.push(...entry(`--${field.flag} ${placeholder(field)}`, brief(field)))
  }
  return `${lines.join('\n')}\n`
}

/** What a setting means, its default, and when to change it. */
export function brief({ help, choices, default: value }: Field): string {
  return `${help}${choices ? `: ${choices.join(', ')}` : ''}${value === undefined ? '' : ` [${value}]`}`
}

function placeholder({ kind, arity, choices, expected }: Field): string {
  if (kind === 'numbers') return Array(arity).fill('N').join(' ')
  if (kind === 'boolean') return 'true|false'
  if (kind === 'number') return expected.startsWith('a whole') ? 'N' : 'X'
  return choices ? 'NAME' : 'TEXT'
}

function entry(name: string, text: string): string[] {
  const [first = '', ...rest] = wrap(text, WIDTH - NAME - 2)
  const head = name.length < NAME ? [`  ${name.padEnd(NAME)}${first}`] : [`  ${name}`, `  ${' '.repeat(NAME)}${first}`]
  return [...head, ...rest.map((line) => `  ${' '.repeat(NAME)}${line}`)]
}
