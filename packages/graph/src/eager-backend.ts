import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { saveBackend, withBackend } from './active-backend.js'
import { interceptKernels } from './intercept.js'
import { loadKernels } from './kernels.js'
import { isTensorFlowLoaded } from './tensorflow.js'

/** From fast to slow: tfjs-node's native addon, WebAssembly, JavaScript. */
const BACKENDS = ['tensorflow', 'wasm', 'cpu']

/** Starts a TensorFlow.js backend: the one asked for, or the fastest that this machine has. */
export async function startEagerBackend(wanted?: string): Promise<{ backend: string; reason: string }> {
  loadKernels() // brings all of @tensorflow/tfjs: the gradients, and the cpu backend
  const refused: string[] = []
  for (const backend of wanted ? [wanted] : BACKENDS) {
    const why = await start(backend)
    if (why === undefined) return { backend, reason: wanted ? 'asked for' : refused.join('; ') || 'the fastest' }
    refused.push(`${backend}: ${why}`)
  }
  throw new Error(
    `openSession: no TensorFlow.js backend starts (${refused.join('; ')}). Install it and import it first, or choose another eagerBackend.`,
  )
}

/** Undefined once the backend runs, else the reason why it doesn't. */
async function start(backend: string): Promise<string | undefined> {
  const chosen = tf.getBackend()
  const restore = saveBackend()
  let why: string | undefined
  try {
    why = tf.findBackendFactory(backend) ? undefined : await register(backend)
    if (!why && !(await tf.setBackend(backend))) why = 'it does not start'
    if (!why) quieten(backend)
  } catch (error) {
    why = (error as Error).message.split('\n')[0]
  }
  // Where the user has chosen none, ours stays: left to itself, TensorFlow.js would want to start wasm in the middle of an op.
  if (why || chosen) restore()
  return why
}

async function register(backend: string): Promise<string | undefined> {
  if (backend === 'tensorflow') {
    if (isTensorFlowLoaded()) return 'this process has another libtensorflow'
    createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu')
  } else if (backend === 'wasm') {
    await import('@tensorflow/tfjs-backend-wasm')
  }
  return tf.findBackendFactory(backend) ? undefined : 'there is no such backend'
}

/** The cpu backend advertises tfjs-node when it is first used in Node. */
function quieten(backend: string): void {
  if (backend === 'cpu') Object.assign(tf.backend(), { firstUse: false })
}

/**
 * Runs f on a backend, op by op. The wasm backend has no kernels for some gradients (tf.gather's, convolution filters'): these
 * run on the cpu backend, to which TensorFlow.js moves their inputs.
 */
export function runEagerly<T>(backend: string, f: () => T): T {
  if (backend !== 'wasm') return withBackend(backend, f)
  const stop = interceptKernels((kernel, run) => {
    const missing = !tf.getKernel(kernel, backend) && tf.getKernel(kernel, 'cpu')
    return missing ? withBackend('cpu', run) : run()
  })
  try {
    return withBackend(backend, f)
  } finally {
    stop()
  }
}
