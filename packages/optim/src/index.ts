export { type AdamwOptions, adamw } from './adamw.js'
export { clipPerTensor } from './clip.js'
export { decays } from './decays.js'
export { type LarsOptions, lars } from './lars.js'
export { layerDecay } from './layer-decay.js'
export type { Optimizer, Params, UpdateOptions } from './optimizer.js'
export {
  type CosineScheduleOptions,
  cosineSchedule,
  type TeacherTempScheduleOptions,
  teacherTempSchedule,
} from './schedules.js'
export { type SgdOptions, sgd } from './sgd.js'
