export { type Compiled, type CompileOptions, compile } from './compile.js'
export { type ProgramCost, programCost } from './cost.js'
export {
  type CachedEngine,
  ENGINE_VERSION,
  type Engine,
  EngineError,
  type EngineErrorCode,
  engineCache,
  type FindOptions,
  findEngine,
  type InstallOptions,
  installEngine,
  listEngines,
  type OnProgress,
  type Progress,
  removeEngine,
} from './engine/index.js'
export type { Feed } from './feeds.js'
export type { Dtype, HostTensor } from './host-tensor.js'
export type { Attribute, Node, Program, Ref, TensorType } from './ir.js'
export { NotFiniteError } from './not-finite.js'
export type { PassName, PassOptions } from './passes/index.js'
export { type Bfloat16Support, bfloat16Support, type Precision } from './precision.js'
export type { PrintOptions } from './print.js'
export { groupTimes, printProfile, type TimeGroup, traceEvents } from './print-profile.js'
export type { NodeTime } from './profile.js'
export { recompute, together } from './recompute.js'
export { type EngineInfo, openSession, type Session, type SessionMemory, type SessionOptions } from './session.js'
export type { InputSpec, TensorSpec, TraceableFunction } from './traceable.js'
