import { availableParallelism } from 'node:os'
import { MainThread, type Task, type Thread, WorkerThread } from './augment-thread.js'
import { allocate, type BatchMemory } from './batch-memory.js'
import { refuseUnknown, whole } from './checks.js'
import { type DatasetSample, sampleName } from './dataset.js'
import type { DecodeOptions } from './decode.js'
import { checkImage, type Image } from './image.js'
import { type MultiCrop, multiCrop } from './multi-crop.js'
import type { MultiCropOptions } from './multi-crop-options.js'
import { workerUrl } from './worker-url.js'

export interface AugmentPoolOptions {
  /** Of all draws, a whole number from 0. */
  seed: number
  /** Of the multi-crop. */
  options?: MultiCropOptions
  /**
   * Threads that decode and augment, each worth a core; 0 does it on this one. A single one does one thing at a time; several decode what
   * comes next while they augment, which fills the cores. Never changes a byte. Default CPU cores - 1.
   */
  workers?: number
  /** How files are decoded. */
  decode?: Omit<DecodeOptions, 'keepAlpha'>
  /** The file `augment-worker.js`, where a bundler has moved it. Default found. */
  workerUrl?: URL
}

/**
 * Its number in the data set, and a file or URL, a file in an archive (both as a `Dataset` gives them), or an image in memory. Pixels in
 * a SharedArrayBuffer reach the threads uncopied.
 */
export type Sample = DatasetSample | { index: number; image: Image }

export interface BatchRequest {
  /** From 0. */
  epoch: number
  samples: readonly Sample[]
  /** Aborts the batch: the promise is rejected with its reason. */
  signal?: AbortSignal
}

export interface FailedSample {
  /** Position in the batch: its rows are zeros. */
  row: number
  /** Number in the data set. */
  index: number
  /** The file or URL, or `archive#member`; of an image in memory, its number. */
  path: string
  reason: string
}

export interface AugmentedBatch {
  /** [globalCrops, B, globalSize, globalSize, 3], and if there are local crops [localCrops, B, localSize, localSize, 3]; in shared memory. */
  views: Uint8Array[]
  /** In the order of the samples. */
  failed: FailedSample[]
  /** Gives the memory back for another batch; the views may not be read after it. Without it they are garbage-collected. */
  release(): void
}

const RUNNING = 2 // batches worked on at once: while one is finished, the next keeps the threads busy
const KEPT = 3 // released batches whose memory is kept: two made ahead and one in use
const DEATHS = 2 // threads that a sample may cost before it is reported

interface Batch {
  start(): void
  fail(error: unknown): void
}

/**
 * Decodes and augments batches in worker threads; the views are written straight into the batch.
 *
 * At most two batches are worked on at once, in the order asked for, and more calls of `batch` wait. A sample that cannot be read is
 * reported, never thrown. A thread that dies is replaced and its samples tried once more, each alone. Idle threads do not keep the process alive.
 */
export class AugmentPool {
  readonly #augment: MultiCrop
  readonly #threads: Thread[] = []
  readonly #newWorker: () => WorkerThread
  readonly #waiting: Batch[] = []
  readonly #running = new Set<Batch>()
  #queue: Task[] = []
  readonly #free: BatchMemory[] = []
  #failure: Error | undefined

  constructor({ seed, options = {}, workers = availableParallelism() - 1, decode = {}, ...rest }: AugmentPoolOptions) {
    const { workerUrl: url, ...misspelt } = rest
    refuseUnknown('AugmentPool', misspelt, ['seed', 'options', 'workers', 'decode', 'workerUrl'])
    refuseUnknown('AugmentPool: decode', decode, ['background', 'orient', 'maxPixels'])
    whole('AugmentPool', 'seed', seed, 0)
    whole('AugmentPool', 'workers', workers, 0, 1024)
    this.#augment = multiCrop(options)
    const events = {
      free: () => this.#feed(),
      died: (thread: WorkerThread, tasks: Task[], reason: string) => this.#replace(thread, tasks, reason),
    }
    const readAhead = workers > 1 // a single worker keeps to one core
    this.#newWorker = () => new WorkerThread(url ?? workerUrl(), { options, seed, decode, readAhead }, events)
    if (workers === 0) this.#threads.push(new MainThread({ augment: this.#augment, seed, decode }, events.free))
    for (let i = 0; i < workers; i++) this.#threads.push(this.#newWorker())
  }

  /**
   * The views of these samples. The same samples, epoch and seed give the same bytes.
   *
   * @throws (rejects) for a request that is wrong in itself, when aborted and when terminated; never for a file
   */
  async batch({ epoch, samples, signal }: BatchRequest): Promise<AugmentedBatch> {
    whole('AugmentPool.batch', 'epoch', epoch, 0)
    whole('AugmentPool.batch', 'the number of samples', samples.length, 1)
    for (const sample of samples) {
      whole('AugmentPool.batch', 'the index of a sample', sample.index, 0)
      if ('image' in sample) checkImage(`AugmentPool.batch: sample ${sample.index}`, sample.image)
      else if ('part' in sample ? typeof sample.part?.container !== 'string' : typeof sample.path !== 'string')
        throw new TypeError(
          `AugmentPool.batch: expected sample ${sample.index} to have a path, a part or an image, got none.`,
        )
    }
    signal?.throwIfAborted()
    if (this.#failure) throw this.#failure
    return new Promise((resolve, reject) => {
      let open = true
      const settle = () => {
        open = false
        signal?.removeEventListener('abort', abort)
        this.#running.delete(batch)
        this.#startWaiting()
      }
      const batch: Batch = {
        start: () => {
          const memory = this.#memory(samples.length)
          const failed: FailedSample[] = []
          let left = samples.length
          const done = (row: number, reason: string | null) => {
            const sample = samples[row]!
            if (reason !== null) failed.push({ row, index: sample.index, path: nameOf(sample), reason })
            if (--left > 0 || !open) return
            settle()
            resolve(this.#result(memory, failed))
          }
          for (const [row, sample] of samples.entries()) {
            const source = 'image' in sample ? sample.image : 'part' in sample ? sample.part : sample.path
            const job = { epoch, index: sample.index, source, row, memory }
            this.#queue.push({ job, deaths: 0, done: (reason) => done(row, reason) })
          }
          mine = memory
          this.#feed()
        },
        fail: (error) => {
          // what threads still write goes to memory that nobody reads: it is not used again
          this.#queue = this.#queue.filter(({ job }) => job.memory !== mine)
          settle()
          reject(error)
        },
      }
      let mine: BatchMemory | undefined
      const abort = () => {
        const at = this.#waiting.indexOf(batch)
        if (at >= 0) this.#waiting.splice(at, 1)
        batch.fail(signal!.reason)
      }
      signal?.addEventListener('abort', abort)
      this.#waiting.push(batch)
      this.#startWaiting()
    })
  }

  /** Ends the threads. Batches under way are rejected. */
  async terminate(): Promise<void> {
    this.#fail(new Error('AugmentPool: it was terminated.'))
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()))
  }

  #startWaiting(): void {
    while (this.#running.size < RUNNING && this.#waiting.length > 0) {
      const batch = this.#waiting.shift()!
      this.#running.add(batch)
      batch.start()
    }
  }

  /** Gives tasks to the threads that have the fewest. */
  #feed(): void {
    while (this.#queue.length > 0 && this.#threads.length > 0) {
      const thread = this.#threads.reduce((least, other) => (other.load < least.load ? other : least))
      const alone = this.#queue[0]!.deaths > 0
      if (thread.load >= (alone ? 1 : thread.depth)) return
      thread.run(this.#queue.shift()!)
    }
  }

  #replace(thread: WorkerThread, tasks: Task[], reason: string): void {
    this.#threads.splice(this.#threads.indexOf(thread), 1)
    if (!thread.ready) {
      this.#fail(new Error(`AugmentPool: a worker thread could not start: ${reason}`))
      return
    }
    this.#threads.push(this.#newWorker())
    // any of them may be the cause, for it reads ahead: each is tried again with a thread to itself
    for (const task of tasks) task.deaths++
    this.#queue.unshift(...tasks.filter(({ deaths }) => deaths < DEATHS))
    for (const task of tasks.filter(({ deaths }) => deaths >= DEATHS))
      task.done(`${DEATHS} worker threads died of it: ${reason}`)
    this.#feed()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    const batches = [...this.#running, ...this.#waiting.splice(0)]
    for (const batch of batches) batch.fail(error)
  }

  #memory(size: number): BatchMemory {
    const at = this.#free.findIndex((memory) => memory.size === size)
    return at >= 0 ? this.#free.splice(at, 1)[0]! : allocate(this.#augment, size)
  }

  #result(memory: BatchMemory, failed: FailedSample[]): AugmentedBatch {
    let held = true
    const views = [new Uint8Array(memory.global)]
    if (memory.local) views.push(new Uint8Array(memory.local))
    return {
      views,
      failed: failed.sort((a, b) => a.row - b.row),
      release: () => {
        if (held && this.#free.length < KEPT) this.#free.push(memory)
        held = false
      },
    }
  }
}

function nameOf(sample: Sample): string {
  return 'image' in sample ? `image ${sample.index} in memory` : sampleName(sample)
}
