export { averagePrecision } from './average-precision.js'
export { type ContourOptions, contourAccuracy } from './contour-accuracy.js'
export { type CopyDescriptorOptions, copyDescriptor, type Tokens } from './copy-descriptor.js'
export { type CopyDetectionOptions, type CopyDetectionScore, copyDetection } from './copy-detection.js'
export { type DuplicateOptions, duplicateGroups } from './duplicates.js'
export { type Features, normalize } from './features.js'
export { type FewShot, fewShot } from './few-shot.js'
export { type KnnOptions, knnClassify } from './knn.js'
export { type LabelOptions, labelPixels } from './label-pixels.js'
export { bestTrial, holdOut, type Trial } from './learning-rate.js'
export { deinterleave, interleave } from './linear-layout.js'
export { jaccard, massMask } from './mask.js'
export { type Nearest, type NearestOptions, nearest } from './nearest.js'
export { nearestAmong } from './nearest-among.js'
export { normalizeMasks } from './normalize-masks.js'
export {
  addMoments,
  createMoments,
  type Moments,
  type PrincipalComponents,
  principalComponents,
} from './principal-components.js'
export { type ContextFrame, type PropagateOptions, propagateMasks } from './propagate-masks.js'
export { retrievalTop1 } from './retrieval.js'
export { type RevisitedOptions, type RevisitedScore, type RevisitedTruth, revisitedRetrieval } from './revisited.js'
export { type Eigen, symmetricEigen } from './symmetric-eigen.js'
export { type FrameScore, frameScore, meanScore, type ObjectScore, type Statistics, videoScore } from './video-score.js'
export type { ClassAccuracy, KnnAccuracy } from './votes.js'
export { applyWhitening, learnWhitening, type Whitening, type WhiteningOptions } from './whitening.js'
