import { type DuplicateOptions, duplicateGroups, type Features } from '@dino/eval'
import type { Session } from '@dino/graph'
import { nearestOnEngine } from '../evaluate/knn/nearest-on-engine.js'

export interface NearDuplicateOptions extends Omit<DuplicateOptions, 'neighbours'> {
  /** Rows up to which all pairs are compared without the engine, in a second or two. Default 3000. */
  few?: number
}

/** Most images have fewer near-duplicates than this; the others are compared with all. */
const NEIGHBOURS = 32

/**
 * What `duplicateGroups` of @dino/eval finds, with the products on TensorFlow where there are many rows: it proposes each row's nearest, whose
 * cosines are then exact.
 */
export async function nearDuplicates(
  session: Session,
  features: Features,
  threshold: number,
  { few = 3000, ...options }: NearDuplicateOptions = {},
): Promise<number[][]> {
  const many = features.rows > few && session.engine.kind === 'tensorflow'
  const neighbours = many
    ? await nearestOnEngine(session, features, features, NEIGHBOURS, { leaveOneOut: true, small: 0, ...options })
    : undefined
  return duplicateGroups(features, threshold, { neighbours, ...options })
}
