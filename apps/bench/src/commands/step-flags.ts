import { numberParser } from '@stricli/core'
import { archs, step } from '../step/defaults.js'

/** What is timed: flags that `step` passes on to its child processes. */
export const modelFlags = {
  arch: { kind: 'enum', values: archs, default: step.arch, brief: 'backbone' },
  patchSize: {
    kind: 'parsed',
    parse: numberParser,
    optional: true,
    brief: `pixels, of a ViT; ${step.patchSize} unless given`,
  },
  batch: { kind: 'parsed', parse: numberParser, default: String(step.batch), brief: 'images a step' },
  locals: { kind: 'parsed', parse: numberParser, default: String(step.locals), brief: 'local crops of each image' },
  outDim: { kind: 'parsed', parse: numberParser, default: String(step.outDim), brief: 'prototypes of the head' },
  steps: { kind: 'parsed', parse: numberParser, default: String(step.steps), brief: 'timed steps of each process' },
  threads: { kind: 'parsed', parse: numberParser, optional: true, brief: 'without it, what each side takes' },
  precision: {
    kind: 'enum',
    values: ['fp32', 'bf16'],
    default: step.precision,
    brief: 'of products; of PyTorch, autocast',
  },
  device: { kind: 'enum', values: ['cpu', 'gpu'], default: step.device, brief: 'of both sides; gpu is the first one' },
  engine: {
    kind: 'parsed',
    parse: String,
    default: step.engine,
    placeholder: 'tensorflow|eager|PATH',
    brief: 'engine of our side',
  },
} as const
