/** An expected failure: printed as one line, without a stack. 1: something is not as it should be. 2: asked for wrongly. */
export class Failure extends Error {
  override name = 'Failure'

  constructor(
    message: string,
    readonly exitCode: 1 | 2,
  ) {
    super(message)
  }
}
