export {
  type AugmentedBatch,
  AugmentPool,
  type AugmentPoolOptions,
  type BatchRequest,
  type FailedSample,
  type Sample,
} from './augment-pool.js'
export { DecodeError, type DecodeOptions, decode } from './decode.js'
export { type ImageList, type ListedImage, listImages } from './list-images.js'
