import { Worker } from 'node:worker_threads'
import type { DecodeOptions } from './decode.js'
import type { MultiCropOptions } from './multi-crop-options.js'
import { isImage, type JobSettings, readJob, runJob, type SampleJob } from './sample-job.js'

export interface WorkerSettings {
  options: MultiCropOptions
  seed: number
  decode: DecodeOptions
  /** Decode the next samples while one is augmented: their decoding happens on threads of libuv. */
  readAhead: boolean
}

export interface ToWorker {
  id: number
  job: SampleJob
}

export type FromWorker = { ready: true } | { id: number; reason: string | null }

/** A job, and whom to tell. */
export interface Task {
  job: SampleJob
  /** How many threads died that had it. */
  deaths: number
  /** @param reason why the sample could not be read, else null */
  done(reason: string | null): void
}

/** What does tasks one after another. */
export interface Thread {
  /** Tasks that it has and has not done. */
  readonly load: number
  /** Tasks that it takes: the one that it is at and, across a boundary of threads, what comes next. */
  readonly depth: number
  run(task: Task): void
  end(): Promise<void>
}

export interface WorkerEvents {
  /** A task is done. */
  free(): void
  /** It ended by itself, with these tasks. */
  died(thread: WorkerThread, tasks: Task[], reason: string): void
}

/** A worker thread. It keeps the process alive only while it has tasks. */
export class WorkerThread implements Thread {
  readonly #mostTasks: number
  readonly #worker: Worker
  readonly #tasks = new Map<number, Task>()
  #nextId = 0
  #ended = false
  #reason: string | undefined
  /** It has loaded and can work. */
  ready = false

  constructor(url: URL, settings: WorkerSettings, events: WorkerEvents) {
    this.#mostTasks = settings.readAhead ? 3 : 2
    this.#worker = new Worker(url, { workerData: settings, execArgv: [] }) // not the loaders of the main thread
    this.#worker.on('message', (message: FromWorker) => {
      if (this.#ended) return // a late answer: letting go of the thread now would let the process end before it does
      if ('ready' in message) this.ready = true
      else {
        this.#finish(message.id, message.reason)
        events.free()
      }
    })
    this.#worker.on('error', (error: Error) => {
      this.#reason = error.message
    })
    this.#worker.on('exit', (code) => {
      if (this.#ended) return
      this.#ended = true
      events.died(this, [...this.#tasks.values()], this.#reason ?? `exit code ${code}`)
    })
    this.#worker.unref() // only now: listening for messages holds the process
  }

  get depth(): number {
    for (const { deaths } of this.#tasks.values()) if (deaths > 0) return 1 // it is tried alone
    return this.#mostTasks
  }

  get load(): number {
    return this.#tasks.size
  }

  run(task: Task): void {
    const id = this.#nextId++
    if (this.#tasks.size === 0) this.#worker.ref()
    this.#tasks.set(id, task)
    const { source } = task.job
    if (!isImage(source) || source.data.buffer instanceof SharedArrayBuffer)
      this.#worker.postMessage({ id, job: task.job } satisfies ToWorker)
    else {
      // cloning a view would clone all of the buffer that it is a view of
      const data = new Uint8Array(source.data)
      const job = { ...task.job, source: { ...source, data } }
      this.#worker.postMessage({ id, job } satisfies ToWorker, [data.buffer])
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.#worker.terminate()
  }

  #finish(id: number, reason: string | null): void {
    const task = this.#tasks.get(id)!
    this.#tasks.delete(id)
    if (this.#tasks.size === 0) this.#worker.unref()
    task.done(reason)
  }
}

/** The same without a thread: the event loop gets its turn between two samples. */
export class MainThread implements Thread {
  readonly depth = 1
  load = 0
  readonly #settings: JobSettings
  readonly #free: () => void
  #last: Promise<unknown> = Promise.resolve()

  constructor(settings: JobSettings, free: () => void) {
    this.#settings = settings
    this.#free = free
  }

  run(task: Task): void {
    this.load++
    this.#last = this.#last.then(async () => {
      await new Promise((resolve) => setImmediate(resolve))
      const reason = await runJob(this.#settings, task.job, readJob(this.#settings, task.job))
      this.load--
      task.done(reason)
      this.#free()
    })
  }

  async end(): Promise<void> {
    await this.#last
  }
}
