import { availableParallelism } from 'node:os'
import { checkDataset } from '../config/check.js'
import type { TrainConfig } from '../config/schema.js'
import { engineName } from '../report/engine-name.js'
import { bytes, duration, short } from '../report/format.js'
import { Failure, type TrainIO } from '../report/io.js'
import { type Estimate, estimate } from './estimate.js'
import { imagesOf } from './images.js'
import { openEngine } from './open-engine.js'
import { iterationsPerEpoch } from './training.js'

/** `dino train --dry-run`: what a run would take, from a short measurement; nothing is written. */
export async function dryRun(config: TrainConfig, io: TrainIO, { json }: { json: boolean }): Promise<number> {
  const images = await imagesOf(config.data, io)
  checkDataset(config, images.count)
  const session = await openEngine(config, io)
  try {
    if (session.engine.kind === 'eager') {
      throw new Failure(
        '--dry-run reads the compiled step, and the eager engine has none. Leave --engine eager out.',
        2,
      )
    }
    const perEpoch = iterationsPerEpoch(config, images)
    const steps = Math.min(perEpoch * config.epochs, config.maxSteps ?? Number.POSITIVE_INFINITY)
    io.stderr.write('Measuring a few steps of small batches …\n')
    const found = await estimate(config, session, { signal: io.signal })
    const all = { images: images.count, steps, stepsPerEpoch: perEpoch, totalSeconds: steps * found.secondsPerStep }
    const engine = engineName(session)
    if (json) io.stdout.write(`${JSON.stringify({ ...all, engine, threads: threads(config), ...found }, null, 2)}\n`)
    else io.stdout.write(estimateText(config, engine, found, all))
    return 0
  } catch (error) {
    if (!io.signal.aborted) throw error
    io.stderr.write('Interrupted; nothing was written.\n')
    return 130
  } finally {
    await session.close()
  }
}

function threads({ threads }: TrainConfig): number {
  return threads > 0 ? threads : availableParallelism()
}

/** An estimate for people, and what to do if the step does not fit. */
export function estimateText(
  config: TrainConfig,
  engine: string,
  { parameters, tokens, flops, memory, secondsPerStep, suggestion, measured }: Estimate,
  { images, steps, totalSeconds }: { images: number; steps: number; totalSeconds: number },
): string {
  const { batchSize, accumulate, localCropsNumber: L } = config
  const sizes = tokens ?? { global: config.globalCropsSize, local: config.localCropsSize }
  const locals = L > 0 ? ` + ${L} local crops of ${sizes.local}` : ''
  const batch = `${batchSize * accumulate} images${accumulate > 1 ? ` (${accumulate} batches of ${batchSize})` : ''}`
  const lines = [
    ['Engine', `${engine}, ${threads(config)} threads`],
    [
      'Parameters',
      `${millions(parameters.backbone)} backbone + ${millions(parameters.head)} head, twice with the teacher`,
    ],
    [
      'Step',
      `${batch}, each 2 global crops of ${sizes.global} ${tokens ? 'tokens' : 'pixels'}${locals}${tokens ? `: ${tokens.step} tokens` : ''}`,
    ],
    ['Products', `${short(flops / 1e9)} GFLOP a step, ${short(flops / secondsPerStep / 1e9)} GFLOP/s`],
    ['Memory', `about ${bytes(memory.bytes)} of ${bytes(memory.limit)}`],
    ['Time', `about ${short(secondsPerStep)} s a step, if the loader keeps up`],
    ['In all', `${steps} steps over ${images} images: ${duration(totalSeconds * 1000)}`],
    [
      'From',
      measured
        .map(
          (m) => `${m.images} ${m.images === 1 ? 'image' : 'images'}: ${short(m.secondsPerStep)} s, ${bytes(m.bytes)}`,
        )
        .join('; '),
    ],
  ]
  const table = lines.map(([name, value]) => `${name!.padEnd(12)}${value}\n`).join('')
  if (memory.fits) return table
  const advice = suggestion
    ? `Add ${suggestion}: the same step in less memory.`
    : tokens
      ? 'Even one image at a time does not: use a smaller --arch, smaller crops or a smaller --out-dim.'
      : 'Use a smaller --batch-size, perhaps with --accumulate (another step: batch norm sees less), or a smaller --arch.'
  return `${table}\nThis does not fit in memory. ${advice}\n`
}

function millions(count: number): string {
  return `${short(count / 1e6)} M`
}
