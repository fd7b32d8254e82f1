import { engine, setBackend } from '@tensorflow/tfjs-core'

interface Active {
  backendName: string | undefined
  backendInstance: unknown
  profiler: unknown
}

/** Runs f while a backend that has started is active, and leaves the one that the user chose, or none, as it was. */
export function withBackend<T>(name: string, f: () => T): T {
  const restore = saveBackend()
  void setBackend(name) // takes effect at once, since the backend has started
  try {
    return f()
  } finally {
    restore()
  }
}

/** Remembers which backend is active; the function that it returns makes it so again. */
export function saveBackend(): () => void {
  const active = engine() as unknown as Active
  const { backendName, backendInstance, profiler } = active
  return () => {
    Object.assign(active, { backendName, backendInstance, profiler })
  }
}
