import { createLogUpdate } from 'log-update'
import { duration } from './format.js'
import type { TrainIO } from './io.js'

export interface Counter {
  /** @param detail what else to say: `loss 1.23` */
  update(done: number, total: number, detail?: string): void
  /** A line that stays. */
  note(text: string): void
  stop(): void
}

/**
 * `images 640/1376, 12 s left`: rewritten in place on a terminal, a line every ten seconds in a pipe.
 *
 * @param start what was done before this call began
 */
export function counter(io: TrainIO, what: string, { start = 0 }: { start?: number } = {}): Counter {
  const line = io.isTTY ? createLogUpdate(io.stderr as NodeJS.WriteStream, { showCursor: true }) : undefined
  const began = performance.now()
  let drawn = began
  return {
    update(done, total, detail) {
      const now = performance.now()
      if (now - drawn < (line ? 100 : 10_000) && done < total) return
      drawn = now
      const elapsed = now - began
      const left = (elapsed / (done - start)) * (total - done)
      const time = done < total ? `, ${duration(left)} left` : ` in ${duration(elapsed)}`
      const text = `${what} ${done}/${total}${detail ? `, ${detail}` : ''}${time}`
      if (line) line(text)
      else io.stderr.write(`${text}\n`)
    },
    note(text) {
      line?.clear()
      io.stderr.write(`${text}\n`)
    },
    stop() {
      line?.done()
    },
  }
}
