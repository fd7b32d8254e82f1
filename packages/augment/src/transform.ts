import type { Draws } from './draws.js'
import type { Image } from './image.js'

/** One step of a pipeline. What it draws is apart from what it does, so that the draws can be logged, and done again. */
export interface Transform<P = unknown> {
  /** Its name in plans, and a part of the key of its draws. */
  op: string
  /** The parameters, as plain data that survives JSON; null leaves the image as it is. */
  draw(draws: Draws): P | null
  /** A new image, for the parameters drawn. */
  apply(image: Image, params: P): Image
}
