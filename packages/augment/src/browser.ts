export { type FromPixelsOptions, fromBitmap, fromImageData, toImageData } from './image-data.js'
