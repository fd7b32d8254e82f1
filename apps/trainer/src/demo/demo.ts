import { existsSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { openSession, type Session } from '@dino/graph'
import { shapes, type VitConfig } from '@dino/vit'
import { writeFileAtomic } from '@dino/weights/node'
import type { DemoOptions } from '../commands/demo.js'
import { refusal } from '../config/fields.js'
import { resolveConfig } from '../config/resolve.js'
import type { TrainConfig } from '../config/schema.js'
import { meanOverHeads } from '../inspect/attention-scores.js'
import { attentionEmbedder, clsEmbedder } from '../inspect/embed.js'
import { engineName } from '../report/engine-name.js'
import { engineProgress } from '../report/engine-progress.js'
import { duration } from '../report/format.js'
import { Failure, type TrainIO } from '../report/io.js'
import { createProgress } from '../report/progress.js'
import { table } from '../report/table.js'
import { vitOf } from '../train/backbone.js'
import { checkpointPath, loadCheckpoint } from '../train/checkpoint.js'
import { imagesInMemory, type TrainImages } from '../train/images.js'
import { initStudent } from '../train/model.js'
import { explainNonFinite } from '../train/run.js'
import { setupOf } from '../train/setup.js'
import { initialState } from '../train/step.js'
import { iterationsPerEpoch, NonFiniteStep, runTraining, type StepRecord } from '../train/training.js'
import { type Emoji, loadEmoji } from './dataset.js'
import { compositeOn, type Rgb, stack } from './image.js'
import {
  categoryKnn,
  type EvaluationSet,
  makeEvaluationSet,
  measureBaselines,
  measureNetwork,
  type NetworkScores,
} from './measure.js'
import { type DemoResult, renderPage } from './page.js'
import { makeScenes } from './scenes.js'

/** Pixels of a side of the pictures that crops are cut from, and of the scenes that attention is shown on. */
const SOURCE_SIZE = 64
const SCENE_SIZE = 64
const SCENES = 200
/** Share of a training scene that its object's square takes: whole pictures of it, and small ones anywhere. */
const TRAIN_AREA = [0.25, 0.8] as const
const TRAINED_ON =
  'In an epoch each training object is seen twice on white and once in a scene of its own, on a ground of blurred pieces of other training objects.'
const EXAMPLES = 12
/** Category k-NN is scored this many times on the way. */
const KNN_POINTS = 8

/** `dino demo`, which is `npm start`: trains on the embedded objects for a few minutes, and shows what that taught. */
export async function demo(options: DemoOptions, io: TrainIO): Promise<number> {
  const say = (text: string) => io.stderr.write(`${text}\n`)
  const began = performance.now()
  say('DINO, self-distillation with no labels: a small vision transformer learns from pictures alone.')
  const emoji = await loadEmoji({ size: SOURCE_SIZE })
  const { items, train, test, categories } = emoji
  say(
    `Data: ${items.length} objects in ${categories.length} categories, embedded; ${train.length} to train on, ${test.length} held out.`,
  )

  const images = await trainingImages(emoji)
  const config = demoConfig(options, images)
  await claimFolder(config)
  const setup = setupOf(config)
  const backbone = vitOf(setup.backbone)
  const total = Math.min(config.maxSteps ?? Infinity, iterationsPerEpoch(config, images) * config.epochs)
  const evaluation = await makeEvaluationSet(emoji, {
    size: config.globalCropsSize,
    sceneSize: SCENE_SIZE,
    patchSize: backbone.patchSize,
    scenes: SCENES,
    seed: 0,
  })
  const interrupted = (when: string) => {
    say(`Interrupted ${when}. The next call starts again.`)
    return 130
  }
  const session = await openSession({ engine: config.engine, onProgress: engineProgress(io) }).catch(
    (error: unknown) => {
      if (!io.signal.aborted) throw error // Ctrl-C reaches a download as well
    },
  )
  if (!session) return interrupted('while the engine was fetched')
  try {
    say(
      `Engine: ${machineName(session)}. Model: ${architecture(backbone)}, no labels, ${total} steps of ${config.batchSize} images.`,
    )
    await session.create(initialState(setup, initStudent(setup, config.seed)))
    const network = await networkOf(session, config, 'teacher')
    const student = await networkOf(session, config, 'student')
    const before = await measureNetwork(evaluation, network)
    const mapsBefore = await exampleMaps(evaluation, network, backbone.numHeads)
    const baselines = measureBaselines(evaluation)
    say(`Before training: category k-NN ${percent(before.knn)}, attention on the object ${jaccard(before)}.`)

    if (io.signal.aborted) return interrupted('before training')
    await mkdir(options.outputDir, { recursive: true })
    const curves: DemoResult['curves'] = []
    const knn: DemoResult['knn'] = [{ step: 0, teacher: before.knn, student: before.knn }]
    const progress = createProgress(io, { ...config, total })
    const perEpoch = iterationsPerEpoch(config, images)
    const every = Math.max(1, Math.round(config.epochs / KNN_POINTS))
    let seconds = 0
    const result = await runTraining({
      config,
      images,
      session,
      folder: options.outputDir,
      signal: io.signal,
      hooks: {
        onStep(record) {
          progress.step(record)
          seconds += record.seconds
          if (record.iteration % Math.max(1, Math.floor(total / 300)) === 0 || record.iteration === 1)
            curves.push(point(record))
        },
        async onEpoch(epoch) {
          if (epoch % every !== 0 && epoch !== config.epochs) return
          const scores = { teacher: await knnOf(evaluation, network), student: await knnOf(evaluation, student) }
          knn.push({ step: epoch * perEpoch, ...scores })
          progress.note(`  category k-NN: teacher ${percent(scores.teacher)}, student ${percent(scores.student)}`)
        },
      },
    })
      .catch((error: unknown) => {
        throw error instanceof NonFiniteStep ? explainNonFinite(error, config) : error
      })
      .finally(() => progress.stop())
    if (io.signal.aborted) return interrupted(`at step ${result.iteration} of ${total}`)

    const after = await measureNetwork(evaluation, network)
    const mapsAfter = await exampleMaps(evaluation, network, backbone.numHeads)
    const shown: DemoResult = {
      run: {
        seed: config.seed,
        architecture: architecture(backbone),
        parameters: Object.values(shapes(backbone)).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
        imageSize: config.globalCropsSize,
        sceneSize: SCENE_SIZE,
        prototypes: config.outDim,
        steps: total,
        batchSize: config.batchSize,
        trainingSeconds: seconds,
        engine: machineName(session),
        trainObjects: train.length,
        testObjects: test.length,
        categories: categories.length,
        scenes: SCENES,
        trainedOn: TRAINED_ON,
      },
      before,
      after,
      baselines,
      curves,
      knn,
      examples: evaluation.scenes.slice(0, EXAMPLES).map((scene, i) => ({
        name: items[scene.object]!.name,
        image: scene.image,
        mask: scene.mask,
        before: mapsBefore[i]!,
        after: mapsAfter[i]!,
      })),
    }
    const { examples: _, ...numbers } = shown
    await writeFileAtomic(join(options.outputDir, 'result.json'), `${JSON.stringify(numbers, null, 2)}\n`)
    const page = join(options.outputDir, 'index.html')
    await writeFileAtomic(page, await renderPage(shown))
    if (options.json) io.stdout.write(`${JSON.stringify(numbers)}\n`)
    else io.stdout.write(`${summary(shown)}\n\n`)
    say(`Look at ${resolve(page)} (${duration(performance.now() - began)} in all).`)
    return 0
  } finally {
    await session.close()
  }
}

/** Refuses a folder that holds anything but this demo, done or begun. */
async function claimFolder(config: TrainConfig): Promise<void> {
  const folder = config.outputDir
  const path = checkpointPath(folder)
  if (existsSync(path)) {
    const { tensors: _, progress } = await loadCheckpoint(path)
    const { data, seed, epochs } = progress.config
    if (data === config.data && seed === config.seed && epochs === config.epochs) return
  } else if (!existsSync(folder) || readdirSync(folder).every((name) => name.startsWith('.'))) return
  throw new Failure(
    `${folder} holds something else, or a demo with another seed or length. Choose another --output-dir.`,
    2,
  )
}

function demoConfig(options: DemoOptions, images: TrainImages): TrainConfig {
  const reason = refusal('seed', options.seed)
  if (reason) throw new Failure(`--seed: ${reason}`, 2)
  const config = resolveConfig({
    data: 'the embedded objects',
    recipe: 'demo',
    outputDir: options.outputDir,
    seed: options.seed,
    engine: options.engine,
    numWorkers: Math.min(2, Math.max(0, availableParallelism() - 1)),
  })
  if (options.steps === undefined) return config
  const perEpoch = iterationsPerEpoch(config, images)
  const epochs = Math.ceil(options.steps / perEpoch)
  return {
    ...config,
    epochs,
    warmupEpochs: Math.min(config.warmupEpochs, Math.floor(epochs / 4)),
    freezeLastLayer: Math.min(config.freezeLastLayer, Math.floor(epochs / 2)),
    maxSteps: options.steps,
  }
}

interface Embeddings {
  embed(images: Uint8Array): Promise<Float32Array>
  attention(images: Uint8Array): Promise<Float32Array>
}

async function networkOf(session: Session, config: TrainConfig, network: 'teacher' | 'student'): Promise<Embeddings> {
  const shared = {
    session,
    config: vitOf(setupOf(config).backbone),
    prefix: `${network}.backbone.`,
    batch: 64,
    normalization: config,
  }
  const size = config.globalCropsSize
  return {
    embed: await clsEmbedder({ ...shared, height: size, width: size }),
    attention: await attentionEmbedder({ ...shared, height: SCENE_SIZE, width: SCENE_SIZE }),
  }
}

async function knnOf(set: EvaluationSet, { embed }: Embeddings): Promise<number> {
  const data = await embed(stack(set.images))
  return categoryKnn({ data, rows: set.images.length, dim: data.length / set.images.length }, set)
}

/** Attention of the first scenes, averaged over the heads. */
async function exampleMaps(
  { scenes }: EvaluationSet,
  { attention }: Embeddings,
  heads: number,
): Promise<Float32Array[]> {
  const examples = scenes.slice(0, EXAMPLES)
  const maps = await attention(stack(examples.map(({ image }) => image)))
  const each = maps.length / examples.length
  return examples.map((_, i) => meanOverHeads(maps.subarray(i * each, (i + 1) * each), heads))
}

function point({ iteration, loss, teacherEntropy, kl }: StepRecord): DemoResult['curves'][number] {
  return { step: iteration, loss, teacherEntropy: teacherEntropy!, kl: kl! } // of a softmax
}

function architecture({ embedDim, depth, patchSize }: VitConfig): string {
  return `ViT, width ${embedDim}, depth ${depth}, patch ${patchSize}`
}

function machineName(session: Session): string {
  return `${engineName(session)} on ${availableParallelism()} CPU cores`
}

function summary({ before, after, baselines: { pixels, histogram, chance, attention } }: DemoResult): string {
  const points = (value: number) => value.toFixed(1)
  const share = (value: number) => value.toFixed(3)
  const row = (name: string, key: 'knn' | 'retrieval') =>
    [name, before[key], after[key], pixels[key], histogram[key], chance[key]].map((v) =>
      typeof v === 'number' ? points(v) : v,
    )
  const looks = (name: string, key: 'meanHead' | 'bestHead') => [
    name,
    share(before.attention[key]),
    share(after.attention[key]),
    '',
    '',
    share(attention.random),
  ]
  const scores = table(
    ['', 'untrained', 'trained', 'pixels', 'colours', 'chance'],
    [
      row('category, k-NN (k=10) %', 'knn'),
      row('object found by a crop, top-1 %', 'retrieval'),
      looks('attention on the object, mean of heads, Jaccard', 'meanHead'),
      looks('attention on the object, best head, Jaccard', 'bestHead'),
    ],
  )
  return `${scores}\nLooking at the middle of every scene, whatever it shows, has a Jaccard of ${share(attention.centre)}.`
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`
}

function jaccard({ attention }: NetworkScores): string {
  return attention.meanHead.toFixed(3)
}

/**
 * What it trains on in an epoch: each object twice on white, as the categories are asked for, and once in a scene, as a
 * photograph would show it. Scenes alone cost category k-NN two points, white alone leaves attention at the ground.
 */
async function trainingImages({ items, train, categories }: Emoji): Promise<TrainImages> {
  const objects = train.map((i) => items[i]!)
  const rgba = objects.map((item) => item.rgba)
  const scenes = await makeScenes({
    objects: rgba,
    clutter: rgba,
    count: train.length,
    size: SOURCE_SIZE,
    patchSize: SOURCE_SIZE,
    seed: 1,
    area: TRAIN_AREA,
  })
  const onWhite = objects.map(({ name, label, rgba }) => ({ name, label, image: shared(compositeOn(rgba)) }))
  const inScenes = scenes.map(({ object, image }) => {
    const { name, label } = objects[object]!
    return { name: `${name}, in a scene`, label, image: shared(image) }
  })
  return imagesInMemory([...onWhite, ...onWhite, ...inScenes], categories)
}

/** Pixels in shared memory reach the worker threads without being copied. */
function shared(image: Rgb): Rgb {
  const data = new Uint8Array(new SharedArrayBuffer(image.data.length))
  data.set(image.data)
  return { ...image, data }
}
