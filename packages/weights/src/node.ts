export { readNpy, readPyTorch, readSafetensors, writeNpy, writeSafetensors } from './file.js'
export { readWeights, type WeightsFile } from './read-weights.js'
export { writeFileAtomic } from './write-atomic.js'
