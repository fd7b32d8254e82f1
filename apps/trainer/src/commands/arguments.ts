import { fields } from '../config/fields.js'
import { Failure } from '../report/io.js'

/** Flags of the reference and of its successors under another name here. */
const renamed: Readonly<Record<string, string>> = {
  'batch-size-per-gpu': 'batch-size',
  'data-path': 'data',
  'nb-knn': 'k',
  'avgpool-patchtokens': 'avgpool',
  'checkpoint-key': 'network',
  'pretrained-weights': 'checkpoint',
}

/** Flags of the reference that can mean nothing here: refused, never accepted and ignored. */
const refused: Readonly<Record<string, string>> = {
  'dist-url': 'there is one process, nothing to rendezvous',
  'local-rank': 'there is one process',
  'use-cuda': 'the engine uses the devices that it finds; `dino doctor` lists them',
  ngpus: 'there is one process on one machine',
  nodes: 'there is one process on one machine',
  partition: 'start the command with your own scheduler (srun dino train …)',
  'use-volta32': 'start the command with your own scheduler (srun dino train …)',
  timeout: 'use --max-minutes: it saves, and --resume goes on',
}

/** Flags of a command that take any number of numbers. */
const lists: ReadonlySet<string> = new Set(['eval k', 'eval lr', 'eval shots', 'eval fraction'])

const arities = new Map(fields.map(({ flag, arity }) => [flag, arity]))

/**
 * The command line as Stricli takes it: `--out_dim` as `--out-dim`, the reference's names as ours, and the numbers of
 * one flag in one argument (`--global-crops-scale 0.4 1` as `--global-crops-scale=0.4,1`).
 */
export function normalizeArguments(args: readonly string[]): string[] {
  const normal: string[] = []
  for (let i = 0; i < args.length; i++) {
    const [, given, glued] = /^--([a-z][\w-]*)(?:=(.*))?$/is.exec(args[i]!) ?? []
    if (given === undefined) {
      normal.push(args[i]!)
      if (args[i] === '--') return [...normal, ...args.slice(i + 1)]
      continue
    }
    const kebab = given.replaceAll('_', '-')
    const name = renamed[kebab] ?? kebab
    if (name in refused) throw new Failure(`--${given} is not supported: ${refused[name]}.`, 2)
    if (name === 'use-fp16') {
      const value = glued ?? (args[i + 1]?.startsWith('-') ? undefined : args[++i])
      if (value && /^(off|false|0)$/i.test(value)) continue
      throw new Failure(`--${given} ${value ?? 'true'} is not supported: training is in float32. Leave it out.`, 2)
    }

    const values = glued === undefined ? [] : [glued]
    if (glued === undefined) {
      const most = lists.has(`${args[0]} ${name}`)
        ? Number.POSITIVE_INFINITY
        : (arities.get(name) ?? (name === 'image-size' ? 2 : 1))
      while (values.length < most && isNumber(args[i + 1])) values.push(args[++i]!)
    }
    const dashes = name.length === 1 ? '-' : '--' // Stricli knows a flag of one letter by its alias alone
    normal.push(values.length > 0 ? `${dashes}${name}=${values.join(',')}` : `${dashes}${name}`)
  }
  return normal
}

/** Numbers, and lists of them: a negative one would be taken for a flag. */
function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^-?[\d.][\d.,e+-]*$/i.test(text)
}
