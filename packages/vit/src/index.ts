export { type Architecture, config, gridSize, tokens, type VitConfig } from './config.js'
export { type DropPathOptions, dropPathMask, dropPathRates } from './drop-path.js'
export { type ApplyOptions, apply, intermediateLayers, lastAttention, type Recompute } from './model.js'
export { init, type Params, shapes } from './parameters.js'
