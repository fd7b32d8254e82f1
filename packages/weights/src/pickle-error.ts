/** What is wrong with a pickle or a PyTorch file, and where. */
export class PickleError extends Error {
  override readonly name = 'PickleError'
  /** The file, when it is known. */
  readonly file: string | undefined

  constructor(message: string, { file, cause }: { file?: string; cause?: unknown } = {}) {
    super(message, { cause })
    this.file = file
  }
}
