import * as tf from '@tensorflow/tfjs-core'
import { loadKernels } from './kernels.js'

/** Loads a TensorFlow.js backend: the one asked for, or the first of tensorflow (native addon), wasm and cpu that this machine has. */
export async function loadEagerBackend(wanted?: string): Promise<{ backend: string; reason: string }> {
  loadKernels() // brings all of @tensorflow/tfjs: the gradients, and the cpu backend
  if (wanted) {
    if (tf.findBackendFactory(wanted) || (await load(wanted)) === undefined) {
      if (await ready(wanted)) return { backend: wanted, reason: 'asked for' }
    }
    const why = await load(wanted)
    throw new Error(
      `openSession: the TensorFlow.js backend ${wanted} cannot be used${why ? `: ${why}` : ''}. Import it first, or leave eagerBackend out.`,
    )
  }
  const missing: string[] = []
  for (const backend of ['tensorflow', 'wasm', 'cpu']) {
    const why = await load(backend)
    if (why === undefined && (await ready(backend)))
      return { backend, reason: missing.join('; ') || 'the fastest there is' }
    missing.push(`${backend}: ${why ?? 'does not start'}`)
  }
  throw new Error(`openSession: no TensorFlow.js backend can be used (${missing.join('; ')}).`)
}

/** Undefined if the backend is registered, else the reason why not. */
async function load(backend: string): Promise<string | undefined> {
  if (tf.findBackendFactory(backend)) return undefined
  try {
    if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm')
    else if (backend === 'tensorflow') return 'its native addon is not installed'
    return tf.findBackendFactory(backend) ? undefined : 'unknown'
  } catch (error) {
    return (error as Error).message.split('\n')[0]
  }
}

async function ready(backend: string): Promise<boolean> {
  const before = tf.getBackend()
  try {
    return await tf.setBackend(backend)
  } finally {
    if (before && before !== backend) await tf.setBackend(before)
  }
}

/** Runs f on a backend that has started, and puts back the one that was active. */
export function withBackend<T>(backend: string, f: () => T): T {
  const before = tf.getBackend() as string | undefined
  if (before === backend) return f()
  void tf.setBackend(backend)
  try {
    return f()
  } finally {
    if (before) void tf.setBackend(before)
  }
}
