import {
  ArgumentScannerError,
  buildApplication,
  buildRouteMap,
  formatMessageForArgumentScannerError,
  help,
  proposeCompletions,
  run,
  text_en,
  version,
} from '@stricli/core'
import { version as currentVersion } from '../package.json'
import { normalizeArguments } from './commands/arguments.js'
import { attention } from './commands/attention.js'
import { augmentPreview } from './commands/augment-preview.js'
import type { Context } from './commands/command.js'
import { completion } from './commands/completion.js'
import { dedupe } from './commands/dedupe.js'
import { demo } from './commands/demo.js'
import { doctor } from './commands/doctor.js'
import { engine } from './commands/engine.js'
import { evalAttention } from './commands/eval-attention.js'
import { evalCopies } from './commands/eval-copies.js'
import { evalFinetune } from './commands/eval-finetune.js'
import { evalKnn } from './commands/eval-knn.js'
import { evalLinear } from './commands/eval-linear.js'
import { evalRetrieval } from './commands/eval-retrieval.js'
import { evalVideo } from './commands/eval-video.js'
import { exportWeights } from './commands/export.js'
import { extract } from './commands/extract.js'
import { pca } from './commands/pca.js'
import { recipes } from './commands/recipes.js'
import { search } from './commands/search.js'
import { train } from './commands/train.js'
import { video } from './commands/video.js'
import { weightsInspect } from './commands/weights-inspect.js'
import { kebab } from './config/fields.js'
import { explain } from './report/explain.js'
import { Failure, type TrainIO } from './report/io.js'

const root = buildRouteMap<string, Context>({
  routes: {
    demo,
    train,
    recipes,
    eval: buildRouteMap<string, Context>({
      routes: {
        knn: evalKnn,
        linear: evalLinear,
        finetune: evalFinetune,
        retrieval: evalRetrieval,
        copies: evalCopies,
        attention: evalAttention,
        video: evalVideo,
      },
      docs: { brief: 'Score what a checkpoint learned' },
    }),
    attention,
    pca,
    video,
    augment: buildRouteMap<string, Context>({
      routes: { preview: augmentPreview },
      docs: { brief: 'Look at the views that training sees' },
    }),
    extract,
    search,
    dedupe,
    export: exportWeights,
    weights: buildRouteMap<string, Context>({
      routes: { inspect: weightsInspect },
      docs: { brief: 'Look into files of weights' },
    }),
    doctor,
    engine,
    completion,
  },
  docs: {
    brief: 'Self-distillation with no labels: train vision transformers on your own images, and look inside them',
    fullDescription: [
      'DINO: self-distillation with no labels (Caron et al., ICCV 2021). Trains vision transformers on your own images and',
      'shows what they learned.',
      '',
      '  dino demo                                  five minutes on embedded images, with a page of results',
      '  dino train --data ./photos --recipe demo   the same on your own',
      '  dino COMMAND --help                        flags, defaults and examples',
    ].join('\n'),
  },
})

const formatting = {
  useAliasInUsageLine: false,
  onlyRequiredInUsageLine: true,
  caseStyle: 'convert-camel-to-kebab',
} as const

/** Stricli's own texts where they do, ours where an error should say what to do. Errors are told by {@link explain}. */
const text = {
  ...text_en,
  noCommandRegisteredForInput: ({ input, corrections }: { input: string; corrections: readonly string[] }) =>
    `There is no command ${input}. ${corrections.length > 0 ? `Did you mean ${bare(corrections[0]!)}?` : 'dino --help lists them.'}`,
  exceptionWhileParsingArguments: (error: unknown) =>
    error instanceof ArgumentScannerError
      ? formatMessageForArgumentScannerError(error, {
          FlagNotFoundError: ({ input, corrections }) =>
            `There is no flag --${input}. ${corrections.length > 0 ? `Did you mean --${kebab(bare(corrections[0]!))}?` : 'Add --help for the list.'}`,
          ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, exception }) =>
            `--${name}: ${exception instanceof Error ? exception.message : exception}`,
          EnumValidationError: ({ externalFlagName: name, input, values }) =>
            `--${name}: expected one of ${values.join(', ')}, got ${JSON.stringify(input)}`,
          AliasNotFoundError: ({ input }) => `There is no flag -${input}. Add --help for the list.`,
          UnsatisfiedFlagError: ({ externalFlagName: name, nextFlagName: next }) =>
            next ? `--${name}: expected a value, got --${next}` : `--${name} needs a value. Add --help for examples.`,
          UnexpectedFlagError: ({ externalFlagName: name, previousInput, input }) =>
            `--${name} is given twice: ${previousInput} and ${input}`,
          UnexpectedPositionalError: ({ input }) =>
            `Unexpected ${JSON.stringify(input)}. Do you mean a flag? Add --help for the list.`,
          UnsatisfiedPositionalError: ({ placeholder }) =>
            `${placeholder.toUpperCase()} is missing. Add --help for examples.`,
        })
      : explain(error),
  exceptionWhileLoadingCommandFunction: explain,
  exceptionWhileLoadingCommandContext: explain,
  exceptionWhileRunningCommand: explain,
  commandErrorResult: explain,
}

const app = buildApplication<Context>(
  root,
  {
    name: 'dino',
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    localization: { text },
    determineExitCode: (error) => (error instanceof Failure ? error.exitCode : 1),
  },
  {
    help: help({ brief: 'print this and exit', formatting, defaultForRouteMap: true }),
    version: version({ info: { currentVersion }, brief: 'print the version and exit' }),
  },
)

/** Runs a command line. 0: done. 1: the run failed. 2: it was asked for wrongly. 130: Ctrl-C. */
export async function runApp(args: readonly string[], io: TrainIO): Promise<number> {
  let inputs: string[]
  try {
    inputs = normalizeArguments(args)
  } catch (error) {
    io.stderr.write(`${explain(error)}\n`)
    return error instanceof Failure ? error.exitCode : 1
  }
  const process: Context['process'] & { env: typeof io.env } = { stdout: io.stdout, stderr: io.stderr, env: io.env }
  await run(app, inputs, { process, io })
  const code = Number(process.exitCode ?? 0)
  return code < 0 ? 2 : code // Stricli's own codes are below 0: all are bad usage or a broken installation
}

/** What could follow `args`, the last of which is being typed: for the shell's completion. */
export async function complete(args: readonly string[], io: TrainIO): Promise<string[]> {
  const proposals = await proposeCompletions(app, args, {
    process: { stdout: io.stdout, stderr: io.stderr, env: io.env },
    io,
  })
  return proposals.map(({ completion }) => completion)
}

/** Stricli quotes names and puts dashes before flags. */
function bare(name: string): string {
  return name.replace(/[`"]/g, '').replace(/^--/, '')
}
