import * as classifier from './classifier.js'
import * as projection from './projection.js'

export type { Params } from './check.js'
export type { ClassifierConfig } from './classifier.js'
export type { ProjectionConfig } from './projection.js'
export { classifier, projection }
