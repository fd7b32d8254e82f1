import type { Session } from '@dino/graph'

/** What computes, for people: `TensorFlow 2.21.0`, `TensorFlow.js wasm`. */
export function engineName({ engine }: Session): string {
  return engine.kind === 'eager' ? `TensorFlow.js ${engine.backend}` : `TensorFlow ${engine.version}`
}
