import type { SessionOptions } from '@dino/graph'
import { createLogUpdate } from 'log-update'
import { bytes } from './format.js'
import type { TrainIO } from './io.js'

/** Says what the search for an engine does; a download (274 MB, once) shows how far it is. */
export function engineProgress(io: TrainIO): NonNullable<SessionOptions['onProgress']> {
  const line = io.isTTY ? createLogUpdate(io.stderr as NodeJS.WriteStream, { showCursor: true }) : undefined
  let lastPhase = ''
  return ({ phase, received, total, message }) => {
    if (phase === 'searching') return
    const size = received !== undefined && total ? ` ${bytes(received)} of ${bytes(total)}` : ''
    const text = `TensorFlow engine: ${phase}${size}`
    if (line && phase !== 'ready') line(message ? `${text} (${message})` : text)
    else if (phase !== lastPhase) io.stderr.write(`${text}${message ? ` (${message})` : ''}\n`)
    if (line && phase === 'ready') line.done()
    lastPhase = phase
  }
}
