export { normals, permutation, uniforms } from './arrays.js'
export { philox4x32, type Words2, type Words4 } from './philox.js'
export { type Draws, stream } from './stream.js'
