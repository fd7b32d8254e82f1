/** What went wrong, for code that reacts to it. */
export type EngineErrorCode =
  | 'unsupported-platform'
  | 'not-found'
  | 'bad-path'
  | 'wrong-architecture'
  | 'wrong-version'
  | 'no-python'
  | 'no-pip'
  | 'download-failed'
  | 'hash-mismatch'
  | 'bad-wheel'
  | 'disk-full'
  | 'cache-not-writable'

/** An engine cannot be found, fetched or used. The message says what happened, where, and what to do next. */
export class EngineError extends Error {
  override name = 'EngineError'

  constructor(
    readonly code: EngineErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** How to do without the download: the end of most messages. */
export const WAYS_OUT =
  'Set DINO_ENGINE to a folder that holds libtensorflow_cc and libtensorflow_framework, or run with `--engine eager`.'

/** Megabytes or gigabytes, as a person reads them. */
export function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** The `code` of a system error ('ENOENT', …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  return typeof code === 'string' ? code : undefined
}
