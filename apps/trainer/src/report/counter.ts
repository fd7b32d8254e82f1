import { createLogUpdate } from 'log-update'
import { duration } from './format.js'
import type { TrainIO } from './io.js'

/** `images 640/1376, 12 s left`: rewritten in place on a terminal, a line every ten seconds in a pipe. */
export function counter(io: TrainIO, what: string): { update(done: number, total: number): void; stop(): void } {
  const line = io.isTTY ? createLogUpdate(io.stderr as NodeJS.WriteStream, { showCursor: true }) : undefined
  const began = performance.now()
  let drawn = began
  return {
    update(done, total) {
      const now = performance.now()
      if (now - drawn < (line ? 100 : 10_000) && done < total) return
      drawn = now
      const elapsed = now - began
      const left = done < total ? `, ${duration((elapsed / done) * (total - done))} left` : ` in ${duration(elapsed)}`
      const text = `${what} ${done}/${total}${left}`
      if (line) line(text)
      else io.stderr.write(`${text}\n`)
    },
    stop() {
      line?.done()
    },
  }
}
