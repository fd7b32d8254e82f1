// Started by AugmentPool. Loads no TensorFlow: its native parts belong on the main thread.
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerSettings } from './augment-thread.js'
import { multiCrop } from './multi-crop.js'
import { isRemote, readJob, runJob } from './sample-job.js'

const { options, seed, decode, readAhead } = workerData as WorkerSettings
const settings = { augment: multiCrop(options), seed, decode }
const port = parentPort!
const tell = (message: FromWorker) => port.postMessage(message)
const turn = () => new Promise((resolve) => setImmediate(resolve))

// One after another: further messages wait here, so that the thread never waits for the main one
let last: Promise<unknown> = Promise.resolve()
port.on('message', ({ id, job }: ToWorker) => {
  const early = readAhead || isRemote(job) ? readJob(settings, job) : undefined
  last = last.then(async () => {
    const image = early ?? readJob(settings, job)
    await image.catch(() => {})
    if (readAhead) await turn() // messages that have come begin to be read while this one is augmented
    tell({ id, reason: await runJob(settings, job, image) })
  })
})
tell({ ready: true })
