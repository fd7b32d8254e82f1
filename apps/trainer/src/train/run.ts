import { join } from 'node:path'
import { openSession, type Session } from '@dino/graph'
import { checkDataset } from '../config/check.js'
import type { TrainConfig } from '../config/schema.js'
import { engineProgress } from '../report/engine-progress.js'
import { Failure, type TrainIO } from '../report/io.js'
import { openJsonl } from '../report/jsonl.js'
import { createProgress } from '../report/progress.js'
import { openEventFile } from '../report/tensorboard.js'
import { checkpointPath } from './checkpoint.js'
import { imagesOf, type TrainImages } from './images.js'
import { collapseMonitor } from './monitor.js'
import { onlineKnn } from './online-knn.js'
import { openRunFolder } from './run-folder.js'
import { iterationsPerEpoch, NonFiniteStep, runTraining, type StepRecord } from './training.js'

/**
 * `dino train`: trains in `config.outputDir`, which then holds config.json, checkpoints, metrics.jsonl and TensorBoard
 * event files.
 *
 * @returns 0 when it is done or reached a limit, 130 when it was interrupted; the state is saved in both cases
 */
export async function train(config: TrainConfig, io: TrainIO, { resume }: { resume: boolean }): Promise<number> {
  const images = await imagesOf(config.data)
  checkDataset(config, images.count)
  const checkpoint = await openRunFolder(config, images, resume)
  const start = checkpoint?.progress.iteration ?? 0
  const total = iterationsPerEpoch(config, images) * config.epochs
  if (start >= total) {
    io.stderr.write(`${config.outputDir} is done: ${total} of ${total} steps. More --epochs are another run.\n`)
    return 0
  }
  const session = await openSession({
    engine: config.engine,
    ...(config.threads > 0 && { threads: config.threads }),
    onProgress: engineProgress(io),
  })
  try {
    introduce(io, config, images, session, start, total)
    return await trainIn(session)
  } finally {
    await session.close()
  }

  async function trainIn(session: Session): Promise<number> {
    const metrics = openJsonl(join(config.outputDir, 'metrics.jsonl'), { iteration: start })
    const events = openEventFile(config.outputDir, { iteration: start })
    const progress = createProgress(io, { ...config, total, start })
    const monitor = collapseMonitor(config.outDim)
    let knn: Awaited<ReturnType<typeof onlineKnn>> | undefined
    try {
      const result = await runTraining({
        config,
        images,
        session,
        folder: config.outputDir,
        checkpoint,
        signal: io.signal,
        hooks: {
          onStep(record) {
            progress.step(record)
            const warning = monitor.observe(record)
            if (warning) progress.note(warning)
            if (record.iteration % config.logFreq !== 0 && record.iteration !== total) return
            metrics.write(record)
            events.scalars(record.iteration, tagged(record))
          },
          async onEpoch(epoch) {
            if (!images.labels || config.knnFreq === 0 || epoch % config.knnFreq !== 0) return
            knn ??= await onlineKnn(config, images, session)
            const { student, teacher } = await knn.score()
            const iteration = epoch * iterationsPerEpoch(config, images)
            metrics.write({ iteration, epoch, knn: { k: config.knnK, student, teacher } })
            events.scalars(iteration, { 'knn/student': student, 'knn/teacher': teacher })
            progress.note(
              `epoch ${epoch}: k-NN (k=${config.knnK}) teacher ${teacher.toFixed(1)} %, student ${student.toFixed(1)} %`,
            )
          },
          onSaved() {
            metrics.sync()
            events.sync()
          },
          onSetAside(name, reason) {
            progress.note(`Set aside, not readable: ${name}: ${reason}`)
            metrics.write({ setAside: name, reason })
          },
        },
      })
      progress.stop()
      const where = `step ${result.iteration} of ${total}, saved in ${checkpointPath(config.outputDir)}`
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

function introduce(
  io: TrainIO,
  config: TrainConfig,
  images: TrainImages,
  { engine }: Session,
  start: number,
  total: number,
): void {
  const labels = images.labels ? `${images.classes.length} classes, used for evaluation only` : 'no labels'
  const where = engine.kind === 'eager' ? `TensorFlow.js ${engine.backend}` : `TensorFlow ${engine.version}`
  io.stderr.write(`Data: ${images.count} images (${labels}) in ${config.data}\n`)
  io.stderr.write(`Engine: ${where}${engine.kind === 'eager' ? ` (${engine.reason})` : ''}\n`)
  io.stderr.write(`Run: ${config.outputDir}, ${total} steps${start > 0 ? `, going on after step ${start}` : ''}\n`)
}

/** Sections of TensorBoard. */
function tagged(record: StepRecord): Record<string, number> {
  return {
    'train/loss': record.loss,
    'train/grad_norm': record.gradNorm,
    'collapse/teacher_entropy': record.teacherEntropy,
    'collapse/student_entropy': record.studentEntropy,
    'collapse/kl': record.kl,
    'collapse/used_prototypes': record.usedPrototypes,
    'collapse/largest_share': record.largestShare,
    'schedule/lr': record.lr,
    'schedule/weight_decay': record.weightDecay,
    'schedule/momentum': record.momentum,
    'schedule/teacher_temp': record.teacherTemp,
    'speed/seconds_per_step': record.seconds,
    'speed/seconds_waited': record.waited,
  }
}

function explainNonFinite(error: NonFiniteStep, config: TrainConfig): Failure {
  return new Failure(
    `${error.message} Nothing of that step was kept: ${checkpointPath(config.outputDir)} holds the state before it. ` +
      `Its images: ${error.images.join(', ')}. Look at them, then lower --lr or --clip-grad and start again from an ` +
      'earlier checkpoint.',
    1,
    { cause: error },
  )
}
