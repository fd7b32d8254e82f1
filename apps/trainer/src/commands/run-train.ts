import { refuseIdle } from '../config/idle.js'
import { loadConfig } from '../config/load.js'
import { settlePrecision } from '../config/precision.js'
import { resolveConfig } from '../config/resolve.js'
import { savedConfig } from '../config/saved.js'
import type { TrainConfig } from '../config/schema.js'
import { Failure, type TrainIO } from '../report/io.js'
import type { TrainFlags } from './train.js'

/** `dino train`: settles the settings, then trains. */
export async function runTrain(options: TrainFlags, io: TrainIO) {
  const { config: path, resume, printConfig, dryRun, json, printGraph, dumpGraph, profile, ...flags } = options
  const file = path === undefined ? {} : await loadConfig(path)
  let saved: TrainConfig | undefined
  if (resume) {
    const folder = flags.outputDir ?? file.outputDir ?? resolveConfig({ data: '.', ...flags }, file).outputDir
    saved = await savedConfig(folder)
    if (!saved) throw new Failure(`--resume: ${folder} holds no run. Leave --resume out to start one there.`, 2)
    flags.outputDir = folder
    // Limits are of the call that stated them, or a run that one of them stopped could never go on.
    const { maxSteps: _steps, maxMinutes: _minutes, ...rest } = saved
    saved = rest
  }
  const config = settlePrecision(resolveConfig(flags, file, saved), saved)
  refuseIdle(config, flags, file)
  if (printConfig) {
    io.stdout.write(`${settingsJson(config)}\n`)
    return 0
  }
  if (printGraph || dumpGraph !== undefined) {
    const { showGraph } = await import('../train/show-graph.js')
    return showGraph(config, io, { print: printGraph, ...(dumpGraph !== undefined && { dump: dumpGraph }) })
  }
  if (dryRun) return (await import('../train/dry-run.js')).dryRun(config, io, { json })
  if (json) throw new Failure('--json prints what --dry-run finds. Give both, or leave it out.', 2)
  const goesOn = resume ?? (await savedConfig(config.outputDir)) !== undefined
  const { train } = await import('../train/run.js')
  io.signal.addEventListener('abort', () => io.stderr.write('\nSaving. Ctrl-C again stops at once, without.\n'))
  return train(config, io, { resume: goesOn, ...(profile !== undefined && { profile }) })
}

/** JSON with each setting on one line, lists too. */
function settingsJson(config: TrainConfig): string {
  const lines = Object.entries(config).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return `{\n${lines.join(',\n')}\n}`
}
