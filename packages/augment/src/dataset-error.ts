/** A data set, or a file of it, that cannot be used. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError'
  /** The file, folder or URL. */
  readonly path: string
  /** Why, in one line. */
  readonly reason: string

  constructor(path: string, reason: string, cause?: unknown) {
    super(`openDataset: ${path}: ${reason}`, { cause })
    this.path = path
    this.reason = reason
  }
}
