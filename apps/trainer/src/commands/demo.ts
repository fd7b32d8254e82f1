import { buildCommand } from '@stricli/core'
import { type Context, loading, wholeNumber } from './command.js'
import { engine, json } from './shared-flags.js'

export interface DemoOptions {
  outputDir: string
  /** Training steps; those of the recipe `demo` unless given. */
  steps?: number
  seed: number
  engine: string
  json: boolean
}

export const demo = buildCommand<DemoOptions, [], Context>({
  docs: {
    brief: 'Train on embedded images for a few minutes and show what was learned',
    fullDescription: [
      'Trains a small vision transformer from scratch, without labels, on the embedded emoji; then scores it before and',
      'after: k-NN accuracy, finding an object again from a crop of it, and attention against the true outline of objects.',
      'Ends with one HTML page of curves and pictures in --output-dir.',
      '',
      '  dino demo',
      '  dino demo --seed 1 --output-dir demo-1   another start: how much is luck?',
      '  dino demo --steps 300                    a quick look',
    ].join('\n'),
  },
  parameters: {
    flags: {
      outputDir: {
        kind: 'parsed',
        parse: String,
        default: 'demo',
        brief: 'folder for the page, the run and its checkpoints',
      },
      steps: {
        kind: 'parsed',
        parse: wholeNumber(1),
        optional: true,
        brief: 'training steps; more learn more, fewer are done sooner',
      },
      seed: {
        kind: 'parsed',
        parse: wholeNumber(0),
        default: '0',
        brief: 'of everything random: same seed, same result',
      },
      engine,
      json,
    },
  },
  loader: loading<DemoOptions>(async () => (await import('../demo/demo.js')).demo),
})
