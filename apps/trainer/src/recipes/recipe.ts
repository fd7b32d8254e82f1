import type { TrainOptions } from '../config/schema.js'

/** A training set-up: what differs from the defaults, where that comes from and what to expect of it. */
export interface Recipe {
  name: string
  /** One line, for the list. */
  summary: string
  source: string
  /** The published or measured result, with its cost. */
  expect: string
  settings: Readonly<Omit<TrainOptions, 'data' | 'outputDir' | 'recipe'>>
}

export function recipe(recipe: Recipe): Recipe {
  return recipe
}
