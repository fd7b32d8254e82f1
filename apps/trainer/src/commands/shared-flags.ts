import { wholeNumber } from './command.js'

/** What several commands take, in the same words. */
export const checkpoint = {
  placeholder: 'checkpoint',
  parse: String,
  brief: 'run folder, a checkpoint, or weights (.safetensors, .pth; official, timm or Hugging Face names)',
} as const

export const network = {
  kind: 'enum',
  values: ['teacher', 'student'],
  default: 'teacher',
  brief: 'which of the two networks of a checkpoint; the paper evaluates the teacher',
} as const

export const imageSize = {
  kind: 'parsed',
  parse: wholeNumber(1),
  optional: true,
  brief: 'pixels of the square that the network sees; that of its training unless given',
} as const

export const engine = {
  kind: 'parsed',
  parse: String,
  default: 'auto',
  brief: 'auto, eager (any TensorFlow.js backend) or the folder of a libtensorflow',
} as const

export const precision = {
  kind: 'enum',
  values: ['fp32', 'bf16'],
  default: 'fp32',
  brief: 'of products; bf16 is three times as fast where the processor has it, and features differ by a percent or so',
} as const

export const json = { kind: 'boolean', default: false, withNegated: false, brief: 'print JSON' } as const

export const output = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: 'file for the result as JSON; beside the checkpoint of a run unless given',
} as const

export const cacheDir = {
  kind: 'parsed',
  parse: String,
  optional: true,
  brief: "folder that keeps features for the next time; a run's own features/ unless given",
} as const
