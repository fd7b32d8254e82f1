export { readPyTorch, readSafetensors, writeSafetensors } from './file.js'
export { writeFileAtomic } from './write-atomic.js'
