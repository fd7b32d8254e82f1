import { stream } from '@dino/random'
import { drawJitter, type JitterStep } from './color-jitter.js'
import { type CropPlan, drawCrop } from './crop-box.js'
import type { ResolvedOptions } from './multi-crop-options.js'
import { drawBlur } from './random-blur.js'
import type { Interpolation } from './resample.js'

/** What decides every draw. Sample is the image's number in its data set, from 0. */
export interface PlanKey {
  seed: number
  epoch: number
  sample: number
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

/** Draws view `view` of a sample: the global views come first, then the local ones. */
export function drawView(o: ResolvedOptions, { seed, epoch, sample }: PlanKey, view: number): ViewPlan {
  const draws = (op: string) => stream(seed, op, epoch, sample, view)
  const kind = view < o.globalCrops ? view : 2 // global 1, global 2, local
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
