/** What a command talks to: its streams, its environment and the signal that Ctrl-C sends. Tests pass their own. */
export interface TrainIO {
  /** Results: what a person asked for, and JSON. */
  stdout: Output
  /** Everything else: progress, warnings, errors. */
  stderr: Output
  env: Readonly<Record<string, string | undefined>>
  /** Aborted at the first Ctrl-C: save, then return 130. A second Ctrl-C ends the process at once. */
  signal: AbortSignal
  /** Whether stderr is a terminal: only then may a line be rewritten in place. */
  isTTY: boolean
}

export interface Output {
  write(text: string): unknown
  /** Width of the terminal in characters, if it is one. */
  columns?: number | undefined
}

/** An expected failure: printed as one line, without a stack. 1: the run failed. 2: it was asked for wrongly. */
export class Failure extends Error {
  override name = 'Failure'

  constructor(
    message: string,
    readonly exitCode: 1 | 2 = 1,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
