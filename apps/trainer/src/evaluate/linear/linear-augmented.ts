import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { MultiCropOptions } from '@dino/augment'
import type { Session } from '@dino/graph'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import type { Embedder } from '../../inspect/embed.js'
import { counter } from '../../report/counter.js'
import { short } from '../../report/format.js'
import type { TrainIO } from '../../report/io.js'
import { createFeed } from '../../train/feed.js'
import type { TrainImages } from '../../train/images.js'
import type { Rows } from '../rows.js'
import { epochFactors, scaledRate, scoreProbe } from './fit-probe.js'
import { openProbe, type Probe, type ProbeWeights } from './probe.js'

export interface AugmentedOptions {
  session: Session
  embed: Embedder
  /** Pixels of the square that the network sees. */
  size: number
  background: readonly [number, number, number]
  train: TrainImages
  classes: number
  lr: number
  epochs: number
  batchSize: number
  seed: number
  numWorkers: number
  /** Scored after each epoch. */
  val: Rows
  /** Where the state goes now and then, and at Ctrl-C; a file that is there is gone on from. Undefined: nowhere. */
  file: string | undefined
  io: TrainIO
}

const SAVE_MS = 5 * 60_000
/** Images that are embedded between two looks at Ctrl-C. */
const PIECE = 128

/** The views of eval_linear.py: a bilinear crop of 8 to 100 % of the area, mirrored half of the time (METHOD.md, 1.15). */
export function probeCrops(size: number): MultiCropOptions {
  return {
    globalCrops: 1,
    localCrops: 0,
    globalSize: size,
    globalScale: [0.08, 1],
    interpolation: 'bilinear',
    jitter: { p: 0 },
    grayscale: 0,
    blur: [0, 0, 0],
    solarize: [0, 0, 0],
  }
}

/**
 * The paper's protocol: each epoch sees other crops of the images, through the frozen network. What iteration i sees depends on the seed
 * and i alone, so that a probe that goes on becomes what it would have become at once, bit for bit.
 *
 * @throws the signal's reason at Ctrl-C, when the state is saved
 */
export async function fitAugmented(options: AugmentedOptions): Promise<ProbeWeights> {
  const { session, embed, size, background, train, classes, lr, epochs, seed, numWorkers, val, file, io } = options
  const batchSize = Math.min(options.batchSize, train.count)
  const perEpoch = Math.ceil(train.count / batchSize)
  const total = epochs * perEpoch
  const rates = [scaledRate(lr, batchSize)]
  const probe = await openProbe({ session, inDim: embed.width, classes, batch: batchSize, lrs: rates, seed })
  const saved = file && existsSync(file) ? await readSafetensors(file) : undefined
  if (saved) await probe.restore(saved.tensors)
  const start = Number(saved?.metadata.iteration ?? 0)
  if (start >= total) {
    io.stderr.write(`${file}: this training is done.\n`)
    return taken(probe)
  }
  if (start > 0) io.stderr.write(`Goes on from ${file}, epoch ${Math.floor(start / perEpoch) + 1} of ${epochs}.\n`)

  const feed = createFeed(
    train,
    { batchSize, numWorkers, seed, background: [...background] as [number, number, number] },
    {
      crops: probeCrops(size),
      start,
      total,
      iterationsPerEpoch: perEpoch,
      setAside: JSON.parse(saved?.metadata.setAside ?? '[]') as [number, string][],
    },
  )
  const save = async (iteration: number) => {
    if (!file) return
    await mkdir(dirname(file), { recursive: true })
    const about = { iteration: String(iteration), setAside: JSON.stringify([...feed.setAside]) }
    await writeSafetensors(file, await probe.state(), about)
  }
  const count = counter(io, 'augmented: batches', { start })
  const factors = epochFactors(epochs)
  const known = feed.setAside.size
  let savedAt = performance.now()
  let done = start
  try {
    while (done < total) {
      const batch = await unlessAborted(feed.next(), io.signal)
      const features = await embedInPieces(embed, batch.global, batch.indices.length, io.signal)
      batch.release()
      const labels = Int32Array.from(batch.indices, (index) => train.labels![index]!)
      const epoch = Math.floor(done / perEpoch)
      const [loss] = await probe.step(features, labels, factors[epoch]!)
      done++
      count.update(done, total, `loss ${short(loss!)}`)
      if (done % perEpoch === 0) {
        const [score] = await scoreProbe(probe, val, batchSize)
        count.note(`epoch ${epoch + 1}/${epochs}: val top-1 ${score!.top1.toFixed(2)} %, loss ${short(loss!)}`)
      }
      if (performance.now() - savedAt > SAVE_MS && done < total) {
        await save(done)
        savedAt = performance.now()
      }
    }
    await save(done)
  } catch (error) {
    if (io.signal.aborted) {
      await save(done)
      if (file) io.stderr.write(`Saved after ${done} of ${total} batches; the same command goes on.\n`)
    }
    throw error
  } finally {
    count.stop()
    for (const [index, reason] of [...feed.setAside].slice(known)) {
      io.stderr.write(`Left out, not readable: ${train.name(index)}: ${reason}\n`)
    }
    await feed.close()
  }
  return taken(probe)
}

async function taken(probe: Probe): Promise<ProbeWeights> {
  const weights = await probe.weights()
  await probe.dispose()
  return weights
}

async function embedInPieces(embed: Embedder, images: Uint8Array, count: number, signal: AbortSignal) {
  const bytes = images.length / count
  const features = new Float32Array(count * embed.width)
  for (let first = 0; first < count; first += PIECE) {
    signal.throwIfAborted()
    features.set(await embed(images.subarray(first * bytes, (first + PIECE) * bytes)), first * embed.width)
  }
  return features
}

/** What a promise gives, unless the signal comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
