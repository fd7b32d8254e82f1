import * as classifier from './classifier.js'
import * as predictor from './predictor.js'
import * as projection from './projection.js'

export type { Params } from './check.js'
export type { ClassifierConfig } from './classifier.js'
export type { PredictorConfig } from './predictor.js'
export type { ProjectionConfig, ProjectionOptions } from './projection.js'
export { classifier, predictor, projection }
