export {
  type AugmentedBatch,
  AugmentPool,
  type AugmentPoolOptions,
  type BatchRequest,
  type FailedSample,
  type Sample,
} from './augment-pool.js'
export { type Dataset, type DatasetSample, type OpenDatasetOptions, openDataset, sampleName } from './dataset.js'
export { DatasetError } from './dataset-error.js'
export { DecodeError, type DecodeOptions, decode } from './decode.js'
export type { FilePart } from './file-part.js'
export { type ImageList, type ListedImage, listImages } from './list-images.js'
export { shuffled } from './shuffle.js'
