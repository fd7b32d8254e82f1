/** A call whose result may not be kept: NaN or an infinity where fn asked for finite numbers. No variable was assigned. */
export class NotFiniteError extends Error {
  override name = 'NotFiniteError'

  constructor(
    where: string,
    /** The output that is not finite. */
    readonly output: string,
    options?: ErrorOptions,
  ) {
    super(`${where}: output ${output} is not finite, so no variable was assigned.`, options)
  }
}

const MARK = 'not finite:'

/** What the check of an output says when it fails, for `failedOutput` to find in TensorFlow's message. */
export function mark(output: string): string {
  return `${MARK}${encodeURIComponent(output)};`
}

/** The output whose check failed, if that is what a message of TensorFlow's tells. */
export function failedOutput(message: string): string | undefined {
  const found = message.match(/not finite:([^;]*);/)?.[1]
  return found === undefined ? undefined : decodeURIComponent(found)
}
