export { type Architecture, config, type ResnetConfig, type Stages, width } from './config.js'
export { apply, applyTraining } from './model.js'
export { buffers, init, type Params, shapes } from './parameters.js'
