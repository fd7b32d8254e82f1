import { type Draws, stream } from '@dino/random'
import { type CropPlan, drawCrop } from './crop-box.js'
import type { ResolvedOptions } from './multi-crop-options.js'
import type { Interpolation } from './resample.js'

/** What decides every draw. Sample is the image's number in its data set, from 0. */
export interface PlanKey {
  seed: number
  epoch: number
  sample: number
}

/** One drawn operation of the colour jitter. */
export interface JitterStep {
  op: 'brightness' | 'contrast' | 'saturation' | 'hue'
  factor: number
}

/** Everything that was drawn for one view, as plain data: it can be logged, sent to another thread, replayed. */
export interface ViewPlan {
  /** Side of the view, pixels. */
  size: number
  crop: CropPlan
  interpolation: Interpolation
  flip: boolean
  /** In the order in which they are done; empty when the view is not jittered. */
  jitter: JitterStep[]
  grayscale: boolean
  /** Sigma, pixels; null when the view is not blurred. */
  blur: number | null
  /** Threshold; null when the view is not solarized. */
  solarize: number | null
}

/** Draws view `view` of a sample: 0 and 1 are the global views, the rest the local ones. */
export function drawView(o: ResolvedOptions, { seed, epoch, sample }: PlanKey, view: number): ViewPlan {
  const draws = (op: string) => stream(seed, op, epoch, sample, view)
  const kind = Math.min(view, 2) // global 1, global 2, local
  const local = kind === 2
  return {
    size: local ? o.localSize : o.globalSize,
    crop: drawCrop(draws('crop'), local ? o.localScale : o.globalScale, o.ratio),
    interpolation: o.interpolation,
    flip: draws('flip').uniform() < o.flip,
    jitter: drawJitter(draws('jitter'), o.jitter),
    grayscale: draws('grayscale').uniform() < o.grayscale,
    blur: drawBlur(draws('blur'), o.blur[kind]!, o.sigma),
    solarize: draws('solarize').uniform() < o.solarize[kind]! ? o.solarizeThreshold : null,
  }
}

/** torchvision's ColorJitter in RandomApply: an operation of range 0 is left out, the rest is shuffled. */
function drawJitter(draws: Draws, jitter: ResolvedOptions['jitter']): JitterStep[] {
  if (draws.uniform() >= jitter.p) return []
  const steps: JitterStep[] = []
  for (const op of ['brightness', 'contrast', 'saturation', 'hue'] as const) {
    const x = jitter[op]
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

function drawBlur(draws: Draws, p: number, sigma: readonly [number, number]): number | null {
  const fires = p > 0 && draws.uniform() <= p // the reference's `random() <= p`, save that 0 is never
  return fires ? draws.uniform(sigma[0], sigma[1]) : null
}
