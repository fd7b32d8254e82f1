import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { basename, dirname, extname, join } from 'node:path'
import type { Session } from '@dino/graph'
import * as resnet from '@dino/resnet'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import type { FinetuneOptions } from '../../commands/eval-finetune.js'
import { isResnet } from '../../config/architecture.js'
import { defaults as trainDefaults } from '../../config/defaults.js'
import { kebab } from '../../config/fields.js'
import { type AnyBackbone, loadAnyBackbone } from '../../inspect/backbone.js'
import { weightsDigest } from '../../inspect/digest.js'
import { counter } from '../../report/counter.js'
import { engineName } from '../../report/engine-name.js'
import { duration, short } from '../../report/format.js'
import { Failure, type TrainIO } from '../../report/io.js'
import { table } from '../../report/table.js'
import { init, isVit } from '../../train/backbone.js'
import type { TrainImages } from '../../train/images.js'
import { toHost, withoutPrefix } from '../../train/model.js'
import { openEngine } from '../../train/open-engine.js'
import { lockRun } from '../../train/run-lock.js'
import { classScores } from '../class-scores.js'
import { writeResult } from '../result.js'
import { labelled, openSplits } from '../splits.js'
import { type FinetuneIdentity, openFinetuneFolder } from './finetune-checkpoint.js'
import { finetune as defaults } from './finetune-defaults.js'
import { checkSettings, type FinetuneSettings } from './finetune-settings.js'
import { compileClassifier, type FinetuneModel, initialState } from './finetune-step.js'
import { type EpochScore, finetuneTraining } from './finetune-training.js'

/**
 * `dino eval finetune`: trains the whole network with a classifier on its features, and scores it on val/ after each epoch.
 *
 * The output folder holds checkpoint.safetensors, to go on from, then weights.safetensors and finetune.json.
 *
 * @returns 0 when it is done, 130 when it was interrupted; the state is saved in both cases
 */
export async function runFinetune(options: FinetuneOptions, io: TrainIO): Promise<number> {
  const splits = await openSplits('Fine-tuning', options.data, io)
  const source = await (options.checkpoint === 'random' ? freshBackbone(options) : givenBackbone(options))
  const settings = settingsOf(options, source)
  const images = only(splits.train, labelled(splits.train))
  checkSettings(settings, images.count, options.data)
  const identity: FinetuneIdentity = {
    settings,
    from: { checkpoint: source.path, network: options.network, digest: weightsDigest(source.tensors) },
    images: { count: images.count, digest: images.digest },
    classes: images.classes,
  }
  const model: FinetuneModel = {
    backbone: source.config,
    classes: images.classes.length,
    normalization: source.normalization,
  }
  const folder = options.outputDir ?? defaultFolder(source, options)
  const checkpoint = await openFinetuneFolder(folder, identity)
  await mkdir(folder, { recursive: true })
  const unlock = lockRun(folder)
  try {
    const session = await openEngine(options, io).catch((error: unknown) => {
      if (!io.signal.aborted) throw error // Ctrl-C reaches a download as well
    })
    if (!session) return interrupted(io, 'before the first step')
    try {
      await session.create(checkpoint?.tensors ?? initialState(model, source.tensors, settings.seed))
      return await trainIn(session)
    } finally {
      await session.close()
    }
  } finally {
    unlock()
  }

  async function trainIn(session: Session): Promise<number> {
    const perEpoch = Math.floor(images.count / settings.batchSize)
    const start = checkpoint?.iteration ?? 0
    io.stderr.write(`Data: ${images.count} images of ${model.classes} classes to train on, in ${options.data}\n`)
    io.stderr.write(`Engine: ${engineName(session)}\n`)
    io.stderr.write(
      `Fine-tuning ${source.path} in ${folder}, ${perEpoch * settings.epochs} steps${start > 0 ? `, going on after step ${start}` : ''}\n`,
    )
    const progress = counter(io, 'step', { start })
    const score = await scorer(session, progress.note)
    const began = performance.now()
    const result = await finetuneTraining({
      model,
      identity,
      images,
      session,
      folder,
      checkpoint,
      workers: options.numWorkers ?? Math.max(0, availableParallelism() - 1),
      background: source.background,
      recompute: options.recompute,
      signal: io.signal,
      score,
      onStep: ({ iteration, total, epoch, loss, lr }) =>
        progress.update(iteration, total, `epoch ${epoch}/${settings.epochs}, loss ${short(loss)}, lr ${short(lr)}`),
      onEpoch: ({ epoch, loss, top1, top5 }) =>
        progress.note(
          `epoch ${epoch}/${settings.epochs}: loss ${loss.toFixed(3)}, val top-1 ${top1.toFixed(2)} %, top-5 ${top5.toFixed(2)} %`,
        ),
      onSetAside: (name, reason) => progress.note(`Set aside, not readable: ${name}: ${reason}`),
    })
    progress.stop()
    if (!result.done) return interrupted(io, `and saved in ${folder}. The same command goes on`)
    await writeWeights(session)
    await report(result.scores, performance.now() - began)
    return 0
  }

  async function scorer(session: Session, note: (text: string) => void) {
    const batch = settings.batchSize
    const classifier = await compileClassifier(session, model, settings)
    const named = new Set<string>()
    const logits = async (pixels: Uint8Array) => {
      const bytes = settings.imageSize ** 2 * 3
      const padded = new Uint8Array(batch * bytes)
      padded.set(pixels)
      return (await classifier({ images: padded })).logits!.data as Float32Array
    }
    return async () => {
      const count = counter(io, 'val: images')
      try {
        const { setAside, ...scores } = await classScores(splits.val, {
          indices: labelled(splits.val),
          labels: splits.valLabels,
          classes: model.classes,
          size: settings.imageSize,
          background: source.background,
          logits,
          batch,
          signal: io.signal,
          onProgress: (done, total) => done < total && count.update(done, total), // the epoch's line tells the end
        })
        for (const [name, reason] of setAside) if (!named.has(name)) note(`Left out, not readable: ${name}: ${reason}`)
        for (const name of setAside.keys()) named.add(name)
        return scores
      } catch (error) {
        if (!io.signal.aborted) throw error
        return undefined
      } finally {
        count.stop()
      }
    }
  }

  /** The network under the names that timm gives it: official ones, and `head.weight`, `head.bias`. */
  async function writeWeights(session: Session): Promise<void> {
    const names = Object.keys(session.specs())
    const state = await session.read(names.filter((name) => !name.startsWith('optimizer.')))
    const { 'linear.weight': weight, 'linear.bias': bias } = withoutPrefix('head.', state)
    await writeSafetensors(
      join(folder, 'weights.safetensors'),
      { ...withoutPrefix('backbone.', state), 'head.weight': weight!, 'head.bias': bias! },
      {
        format: 'pt',
        ...(isVit(model.backbone) && { num_heads: String(model.backbone.numHeads) }),
        image_size: String(settings.imageSize),
        classes: JSON.stringify(images.classes),
      },
    )
  }

  async function report(scores: EpochScore[], elapsed: number): Promise<void> {
    const last = scores.at(-1)!
    const result = {
      checkpoint: source.path,
      network: options.network,
      data: options.data,
      ...settings,
      train: images.count,
      classes: model.classes,
      top1: last.top1,
      top5: last.top5,
      scores,
      weights: join(folder, 'weights.safetensors'),
    }
    const beside = { path: join(folder, 'checkpoint.safetensors'), run: true }
    const file = await writeResult(beside, 'finetune', result, options)
    if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
    else {
      const row = [String(last.epoch), last.loss.toFixed(3), last.top1.toFixed(2), last.top5.toFixed(2)]
      io.stdout.write(`${table(['epoch', 'train loss', 'top-1 %', 'top-5 %'], [row])}\n`)
    }
    io.stderr.write(`Done in ${duration(elapsed)}: weights in ${result.weights}, result in ${file}.\n`)
  }
}

function interrupted(io: TrainIO, where: string): number {
  io.stderr.write(`Interrupted ${where}.\n`)
  return 130
}

function settingsOf(options: FinetuneOptions, { config, imageSize: trainedAt }: AnyBackbone): FinetuneSettings {
  const { epochs, batchSize, lr, minLr, weightDecay, smoothing, dropPathRate, layerDecay, mixup, colorJitter } = options
  if (!isVit(config) && options.layerDecay < 1)
    throw new Failure('--layer-decay is for vision transformers, whose blocks it counts. Leave it out.', 2)
  return {
    epochs,
    batchSize,
    imageSize: options.imageSize ?? trainedAt,
    lr,
    warmupEpochs: options.warmupEpochs ?? Math.round(epochs * defaults.warmupShare),
    minLr,
    weightDecay,
    smoothing,
    dropPathRate: isVit(config) ? dropPathRate : 0,
    layerDecay,
    mixup,
    colorJitter,
    seed: options.seed,
    precision: options.precision,
  }
}

function givenBackbone({ checkpoint, network, ...options }: FinetuneOptions): Promise<AnyBackbone> {
  const stray = (['arch', 'patchSize', 'like'] as const).find((key) => options[key] !== undefined)
  if (stray) {
    throw new Failure(
      `--${kebab(stray)} is for fresh weights (dino eval finetune random): ${checkpoint} has its own. Leave it out.`,
      2,
    )
  }
  return loadAnyBackbone(checkpoint, network)
}

/** A network that has learned nothing: what pre-training is compared with. */
async function freshBackbone({
  arch,
  like,
  network,
  patchSize,
  imageSize,
  seed,
}: FinetuneOptions): Promise<AnyBackbone> {
  if ((arch === undefined) === (like === undefined) || (like !== undefined && patchSize !== undefined)) {
    throw new Failure(
      'random: expected --arch (such as vit_small), with --patch-size if it is not 16, or --like CHECKPOINT, to know what to make.',
      2,
    )
  }
  if (like !== undefined) {
    const backbone = await loadAnyBackbone(like, network)
    return {
      ...backbone,
      path: `random, like ${backbone.path}`,
      run: false,
      tensors: toHost(init(backbone.config, seed)),
    }
  }
  const size = imageSize ?? trainDefaults.globalCropsSize
  const config = isResnet(arch!)
    ? resnet.config(arch)
    : vit.config(arch!, { patchSize: patchSize ?? trainDefaults.patchSize, imgSize: size })
  return {
    path: `random ${arch}`,
    run: false,
    config,
    imageSize: size,
    tensors: toHost(init(config, seed)),
    normalization: trainDefaults,
    background: trainDefaults.background,
  }
}

/** With the run that it begins from; of other weights `runs/finetune-NAME`. */
function defaultFolder({ path, run }: AnyBackbone, { checkpoint, arch, like }: FinetuneOptions): string {
  if (run) return join(dirname(path), 'finetune')
  const name =
    checkpoint === 'random' ? `random-${arch ?? basename(like!, extname(like!))}` : basename(path, extname(path))
  return join('runs', `finetune-${name === 'model' ? basename(dirname(path)) : name}`)
}

/** Some images of a list, as a list. */
function only(images: TrainImages, indices: readonly number[]): TrainImages {
  return {
    ...images,
    count: indices.length,
    name: (index) => images.name(indices[index]!),
    sample: (index) => ({ ...images.sample(indices[index]!), index }),
    labels: Int32Array.from(indices, (index) => images.labels![index]!),
  }
}
