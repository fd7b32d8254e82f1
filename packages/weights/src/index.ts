export type { Dtype, HostTensor } from './dtype.js'
export { SafetensorsError } from './error.js'
export { type ParseOptions, parseSafetensors, type Safetensors } from './parse.js'
export { serializeSafetensors } from './serialize.js'
