export { type CenterOptions, updateCenter } from './center.js'
export { type CrossEntropyOptions, crossEntropy } from './cross-entropy.js'
export {
  type DiagnosticMeans,
  type Diagnostics,
  diagnosticMeans,
  diagnostics,
  fromMeans,
  outputSpread,
  targetDiagnosticMeans,
} from './diagnostics.js'
export { type InfoNceOptions, infoNce, initQueue, updateQueue } from './info-nce.js'
export { meanSquaredError } from './mean-squared-error.js'
export type { PairOptions } from './pairs.js'
export { type SelfDistillationOptions, selfDistillation } from './self-distillation.js'
export { type SinkhornOptions, sinkhornKnopp, softmaxOverBatch } from './sinkhorn.js'
export { smoothLabels, softTargetCrossEntropy } from './soft-targets.js'
export { assignViews, type SwappedPredictionOptions, swappedPrediction } from './swapped-prediction.js'
