import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** A file of JSON records, one a line. Each is with the operating system when `write` returns. */
export interface Jsonl {
  write(record: object): void
  /** Waits until the disk has everything; call it when a checkpoint is saved. */
  sync(): void
  close(): void
}

/**
 * Opens `path` to append. What a crash left of a last line is cut off, and so is what came after step `iteration`: a
 * run that goes on from a checkpoint writes those steps again. A file of another run is cut to nothing by 0.
 */
export function openJsonl(path: string, { iteration = Number.POSITIVE_INFINITY }: { iteration?: number } = {}): Jsonl {
  const file = openSync(path, 'a+')
  ftruncateSync(file, lengthToKeep(readFileSync(path), iteration))
  return {
    write(record) {
      const line = Buffer.from(`${JSON.stringify(record, finite)}\n`)
      for (let written = 0; written < line.length; ) written += writeSync(file, line, written)
    },
    sync: () => fdatasyncSync(file),
    close() {
      fdatasyncSync(file)
      closeSync(file)
    },
  }
}

function lengthToKeep(content: Buffer, iteration: number): number {
  let kept = 0
  for (let end = content.indexOf(10); end >= 0; end = content.indexOf(10, kept)) {
    const record = parsed(content.toString('utf8', kept, end))
    if (record === undefined || (typeof record.iteration === 'number' && record.iteration > iteration)) break
    kept = end + 1
  }
  return kept
}

function parsed(line: string): { iteration?: unknown } | undefined {
  try {
    return Object(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** JSON has no NaN and no infinity: `null` would hide which it was. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}
