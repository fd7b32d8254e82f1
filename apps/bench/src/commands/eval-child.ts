import { buildCommand, numberParser } from '@stricli/core'
import { evaluation } from '../eval/defaults.js'

const number = (value: number, brief: string) =>
  ({ kind: 'parsed', parse: numberParser, default: String(value), brief }) as const
const text = (brief: string) => ({ kind: 'parsed', parse: String, optional: true, brief }) as const

/** One process of our side; `eval` starts it. */
export const evalChild = buildCommand({
  docs: { brief: 'Time our side of an evaluation in this process, print one JSON line' },
  parameters: {
    flags: {
      measure: { kind: 'enum', values: ['knn', 'features', 'video'], brief: 'which' },
      folder: text('what both sides read'),
      dim: number(evaluation.dim, 'of features'),
      classes: number(evaluation.classes, 'of labels'),
      repeats: number(evaluation.repeats, 'timed repetitions'),
      arch: {
        kind: 'enum',
        values: ['vit_tiny', 'vit_small', 'vit_base'],
        default: evaluation.arch,
        brief: 'backbone',
      },
      patchSize: number(evaluation.patchSize, 'in pixels'),
      batch: number(evaluation.batch, 'images of a call'),
      batches: number(evaluation.batches, 'timed batches, or passes over files'),
      precision: { kind: 'enum', values: ['fp32', 'bf16'], default: 'fp32', brief: 'of products' },
      photos: text('folder of JPEGs to read'),
      images: number(evaluation.images, 'of a pass over files'),
      clip: text('name of its size'),
      threads: { kind: 'parsed', parse: numberParser, optional: true, brief: 'of the engine' },
    },
  },
  loader: async () => (await import('../eval/child.js')).printEval,
})
