import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Session } from '@dino/graph'
import { checkDataset } from '../config/check.js'
import { precisionText } from '../config/precision.js'
import type { TrainConfig } from '../config/schema.js'
import { engineName } from '../report/engine-name.js'
import { explain } from '../report/explain.js'
import { Failure, type TrainIO } from '../report/io.js'
import { openJsonl } from '../report/jsonl.js'
import { createProgress } from '../report/progress.js'
import { openEventFile } from '../report/tensorboard.js'
import { type Checkpoint, checkpointPath } from './checkpoint.js'
import { imagesOf, type TrainImages } from './images.js'
import { type Init, type InitOrigin, loadInit } from './init.js'
import { printInit } from './init-report.js'
import { knnGuard } from './knn-guard.js'
import { collapseMonitor } from './monitor.js'
import { onlineKnn } from './online-knn.js'
import { openEngine } from './open-engine.js'
import { createProfiler } from './profiler.js'
import { openRunFolder } from './run-folder.js'
import { lockRun } from './run-lock.js'
import { iterationsPerEpoch, NonFiniteStep, runTraining, type StepRecord } from './training.js'

/** What is of this call alone. */
export interface TrainCall {
  /** Go on with the run in its folder. */
  resume: boolean
  /** Steps to profile. */
  profile?: number
}

/**
 * `dino train`: trains in `config.outputDir`, which then holds config.json, checkpoints, metrics.jsonl and TensorBoard
 * event files.
 *
 * @returns 0 when it is done or reached a limit, 130 when it was interrupted; the state is saved in both cases
 */
export async function train(config: TrainConfig, io: TrainIO, { resume, profile }: TrainCall): Promise<number> {
  const images = await imagesOf(config.data, io).catch((error: unknown) => {
    if (!io.signal.aborted) throw error
  })
  if (!images) return interruptedEarly(io)
  checkDataset(config, images.count)
  // Before the folder is taken: weights that do not fit must leave nothing behind.
  const begins = config.init !== undefined && !existsSync(checkpointPath(config.outputDir))
  const init = begins ? await loadInit(config) : undefined
  const checkpoint = await openRunFolder(config, images, resume)
  const unlock = lockRun(config.outputDir)
  try {
    return await trainLocked(config, io, images, { checkpoint, init }, profile)
  } finally {
    unlock()
  }
}

async function trainLocked(
  config: TrainConfig,
  io: TrainIO,
  images: TrainImages,
  { checkpoint, init }: { checkpoint: Checkpoint | undefined; init: Init | undefined },
  profile: number | undefined,
): Promise<number> {
  const start = checkpoint?.progress.iteration ?? 0
  const total = iterationsPerEpoch(config, images) * config.epochs
  if (start >= total) {
    io.stderr.write(`${config.outputDir} is done: ${total} of ${total} steps. More --epochs are another run.\n`)
    return 0
  }
  if (config.maxSteps !== undefined && start >= config.maxSteps) {
    io.stderr.write(
      `${config.outputDir} has taken ${start} steps: --max-steps ${config.maxSteps} allows no more. Raise it.\n`,
    )
    return 0
  }
  const session = await openEngine(config, io).catch((error: unknown) => {
    if (!io.signal.aborted) throw error // Ctrl-C reaches a download as well
  })
  if (!session || io.signal.aborted) {
    await session?.close()
    return interruptedEarly(io)
  }
  try {
    introduce(io, config, images, session, start, total)
    if (init) {
      io.stderr.write(printInit(init))
      await session.create(init.state)
    }
    return await trainIn(session)
  } finally {
    await session.close()
  }

  async function trainIn(session: Session): Promise<number> {
    const metrics = openJsonl(join(config.outputDir, 'metrics.jsonl'), { iteration: start })
    const events = openEventFile(config.outputDir, { iteration: start })
    const last = Math.min(total, config.maxSteps ?? total)
    const progress = createProgress(io, {
      ...config,
      batchSize: config.batchSize * config.accumulate,
      total: last,
      start,
    })
    const monitor = collapseMonitor(config.outDim)
    let knn: Awaited<ReturnType<typeof onlineKnn>> | undefined
    const profiler = profile === undefined ? undefined : createProfiler(session, profile, config.outputDir)
    const scoreKnn = async () => (knn ??= await onlineKnn(config, images, session)).score()
    let iteration = start
    let setAside = 0
    let origin: InitOrigin | undefined = checkpoint?.progress.init ?? init?.origin
    try {
      if (init && images.labels && config.knnFreq > 0) {
        const scores = await scoreKnn().catch((error: unknown) => {
          progress.note(`before the first step: no k-NN: ${explain(error)}`)
        })
        if (scores) {
          origin = { ...init.origin, knn: scores.teacher }
          progress.note(`before the first step: k-NN (k=${config.knnK}) teacher ${scores.teacher.toFixed(1)} %`)
        }
      }
      const guard = knnGuard(origin?.knn)
      const result = await runTraining({
        config,
        images,
        session,
        folder: config.outputDir,
        checkpoint,
        origin,
        signal: io.signal,
        hooks: {
          onStep(record) {
            iteration = record.iteration
            progress.step(record)
            const warning = monitor.observe(record)
            if (warning) progress.note(warning)
            const report = profiler?.afterStep(record.seconds)
            if (report) progress.note(report)
            if (record.iteration % config.logFreq !== 0 && record.iteration !== last) return
            metrics.write(record)
            events.scalars(record.iteration, tagged(record))
          },
          async onEpoch(epoch) {
            if (!images.labels || config.knnFreq === 0 || epoch % config.knnFreq !== 0) return
            const scores = await scoreKnn().catch((error: unknown) => {
              progress.note(`epoch ${epoch}: no k-NN: ${explain(error)}`) // training is worth more than its measure
            })
            if (!scores) return
            const { student, teacher } = scores
            const iteration = epoch * iterationsPerEpoch(config, images)
            metrics.write({ iteration, epoch: epoch - 1, knn: { k: config.knnK, student, teacher } })
            events.scalars(iteration, { 'knn/student': student, 'knn/teacher': teacher })
            progress.note(
              `epoch ${epoch}: k-NN (k=${config.knnK}) teacher ${teacher.toFixed(1)} %, student ${student.toFixed(1)} %`,
            )
            const warning = guard(teacher)
            if (warning) progress.note(warning)
          },
          onSaved() {
            metrics.sync()
            events.sync()
          },
          onSetAside(name, reason) {
            progress.note(`Set aside, not readable: ${name}: ${reason}`)
            metrics.write({ iteration, setAside: name, reason })
            setAside++
          },
        },
      })
      progress.stop()
      const report = profiler?.end()
      if (report) io.stderr.write(`${report}\n`)
      const where = `step ${result.iteration} of ${total}, saved in ${checkpointPath(config.outputDir)}`
      if (setAside > 0)
        io.stderr.write(
          `${setAside} of ${images.count} images could not be read and were set aside: metrics.jsonl names them.\n`,
        )
      if (result.ended === 'interrupted') io.stderr.write(`Interrupted at ${where}. Go on with --resume.\n`)
      else if (result.ended === 'limit') io.stderr.write(`Stopped by its limit at ${where}. Go on with --resume.\n`)
      else io.stderr.write(`Done: ${where}.\n`)
      return result.ended === 'interrupted' ? 130 : 0
    } catch (error) {
      progress.stop()
      throw error instanceof NonFiniteStep ? explainNonFinite(error, config) : error
    } finally {
      knn?.dispose()
      metrics.close()
      events.close()
    }
  }
}

function interruptedEarly(io: TrainIO): number {
  io.stderr.write('Interrupted before the first step.\n')
  return 130
}

function introduce(
  io: TrainIO,
  config: TrainConfig,
  images: TrainImages,
  session: Session,
  start: number,
  total: number,
): void {
  const labels = images.labels ? `${images.classes.length} classes, used for evaluation only` : 'no labels'
  const { engine } = session
  io.stderr.write(`Data: ${images.count} images (${labels}) in ${config.data}\n`)
  io.stderr.write(`Engine: ${engineName(session)}${engine.kind === 'eager' ? ` (${engine.reason})` : ''}\n`)
  io.stderr.write(`Precision: ${precisionText(config)}\n`)
  io.stderr.write(`Run: ${config.outputDir}, ${total} steps${start > 0 ? `, going on after step ${start}` : ''}\n`)
}

/** Sections of TensorBoard. */
function tagged(record: StepRecord): Record<string, number> {
  return {
    'train/loss': record.loss,
    'train/grad_norm': record.gradNorm,
    ...given({
      'collapse/teacher_entropy': record.teacherEntropy,
      'collapse/student_entropy': record.studentEntropy,
      'collapse/kl': record.kl,
      'collapse/used_prototypes': record.usedPrototypes,
      'collapse/largest_share': record.largestShare,
      'collapse/output_spread': record.outputSpread,
    }),
    'schedule/lr': record.lr,
    'schedule/weight_decay': record.weightDecay,
    'schedule/momentum': record.momentum,
    'schedule/teacher_temp': record.teacherTemp,
    'speed/seconds_per_step': record.seconds,
    'speed/seconds_waited': record.waited,
  }
}

/** Those that the loss has. */
function given(values: Record<string, number | undefined>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Record<string, number>
}

/** What to tell of a step that is not finite: the reason, what is kept, and its images. */
export function explainNonFinite(error: NonFiniteStep, config: TrainConfig): Failure {
  return new Failure(
    `${error.message} Nothing of that step was kept: ${checkpointPath(config.outputDir)} holds the state before it. ` +
      `Its images: ${error.images.join(', ')}. Look at them; if they are sound, start another run (--output-dir) with a ` +
      'lower --lr or --clip-grad.',
    1,
    { cause: error },
  )
}
