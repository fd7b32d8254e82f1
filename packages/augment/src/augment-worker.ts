// Started by AugmentPool. Loads no TensorFlow: its native parts belong on the main thread.
import { parentPort, workerData } from 'node:worker_threads'
import type { FromWorker, ToWorker, WorkerSettings } from './augment-thread.js'
import { multiCrop } from './multi-crop.js'
import { runJob } from './sample-job.js'

const { options, seed, decode } = workerData as WorkerSettings
const settings = { augment: multiCrop(options), seed, decode }
const port = parentPort!
const tell = (message: FromWorker) => port.postMessage(message)

// One after another: the next message waits here, so that the thread never waits for the main one
let last = Promise.resolve()
port.on('message', ({ id, job }: ToWorker) => {
  last = last.then(async () => tell({ id, reason: await runJob(settings, job) }))
})
tell({ ready: true })
