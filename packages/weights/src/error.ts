/** What is wrong with a safetensors file, and where. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError'
  /** The file, when it is known. */
  readonly file: string | undefined
  /** The tensor at fault, when it is one. */
  readonly tensor: string | undefined

  constructor(message: string, { file, tensor, cause }: { file?: string; tensor?: string; cause?: unknown } = {}) {
    super(message, { cause })
    this.file = file
    this.tensor = tensor
  }
}
