import { brightness, contrast } from './blend.js'
import { inRange, refuseUnknown } from './checks.js'
import { multiCropDefaults as defaults } from './defaults.js'
import type { Draws } from './draws.js'
import { hue } from './hue.js'
import type { Image } from './image.js'
import { saturation } from './saturation.js'
import type { Transform } from './transform.js'

export interface JitterOptions {
  /** Probability that a view is jittered at all. Default 0.8. */
  p?: number
  /** Factor ~ U[max(0, 1 - x), 1 + x]; 0 is off. Default 0.4. */
  brightness?: number
  /** Factor ~ U[max(0, 1 - x), 1 + x]; 0 is off. Default 0.4. */
  contrast?: number
  /** Factor ~ U[max(0, 1 - x), 1 + x]; 0 is off. Default 0.2. */
  saturation?: number
  /** Turn ~ U[-x, x] of the colour circle, at most 0.5; 0 is off. Default 0.1. */
  hue?: number
}

/** One drawn operation of the colour jitter. */
export interface JitterStep {
  op: 'brightness' | 'contrast' | 'saturation' | 'hue'
  factor: number
}

const operations = { brightness, contrast, saturation, hue }

/** Brightness, contrast, saturation and hue in random order, or none of them: torchvision's `ColorJitter` in `RandomApply`. */
export function colorJitter(options: JitterOptions = {}): Transform<JitterStep[]> {
  const resolved = resolveJitter('colorJitter', options)
  return {
    op: 'jitter',
    draw(draws) {
      const steps = drawJitter(draws, resolved)
      return steps.length > 0 ? steps : null
    },
    apply: (image, steps) => steps.reduce((out, step) => jitter(out, step), image),
  }
}

/** One operation of the jitter. */
export function jitter(image: Image, { op, factor }: JitterStep): Image {
  return operations[op](image, factor)
}

/** Fills in defaults and refuses what is misspelt or out of range. @param prefix of an option's name in errors */
export function resolveJitter(where: string, options: JitterOptions, prefix = ''): Required<JitterOptions> {
  refuseUnknown(prefix ? `${where}: jitter` : where, options, Object.keys(defaults.jitter))
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const resolved: Required<JitterOptions> = { ...defaults.jitter, ...Object.fromEntries(given) }
  const { p, hue, ...factors } = resolved
  inRange(where, `${prefix}p`, p, 0, 1)
  for (const [name, x] of Object.entries(factors)) inRange(where, prefix + name, x, 0, Number.POSITIVE_INFINITY)
  inRange(where, `${prefix}hue`, hue, 0, 0.5)
  return resolved
}

/** An operation of range 0 is left out, the rest is shuffled; none where the jitter does not fire. */
export function drawJitter(draws: Draws, ranges: Required<JitterOptions>): JitterStep[] {
  if (draws.uniform() >= ranges.p) return []
  const steps: JitterStep[] = []
  for (const op of ['brightness', 'contrast', 'saturation', 'hue'] as const) {
    const x = ranges[op]
    const factor = op === 'hue' ? draws.uniform(-x, x) : draws.uniform(Math.max(0, 1 - x), 1 + x)
    if (x > 0) steps.push({ op, factor })
  }
  for (let i = steps.length - 1; i > 0; i--) {
    const j = draws.integer(0, i + 1)
    const moved = steps[i]!
    steps[i] = steps[j]!
    steps[j] = moved
  }
  return steps
}
