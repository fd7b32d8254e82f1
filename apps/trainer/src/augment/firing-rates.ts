import type { MultiCrop, MultiCropOptions, ViewPlan } from '@dino/augment'

/** How often an operation fired on one kind of view. */
export interface FiringRate {
  view: 'global 1' | 'global 2' | 'local'
  op: 'flip' | 'jitter' | 'grayscale' | 'blur' | 'solarize'
  /** The probability asked for, and the share of the draws that fired. */
  expected: number
  measured: number
  draws: number
  /** How many standard deviations of chance lie between the two; infinite where chance has no part. */
  deviations: number
}

const fires: Record<FiringRate['op'], (view: ViewPlan) => boolean> = {
  flip: ({ flip }) => flip,
  jitter: ({ jitter }) => jitter.length > 0,
  grayscale: ({ grayscale }) => grayscale,
  blur: ({ blur }) => blur !== null,
  solarize: ({ solarize }) => solarize !== null,
}

const LEAST_DRAWS = 2000

export interface MeasureOptions {
  augment: MultiCrop
  /** Complete. */
  options: MultiCropOptions
  seed: number
  epoch: number
  /** Images in the data. */
  images: number
  onProgress(done: number, total: number): void
}

/**
 * Draws for every image, and counts. Few images are drawn for over several epochs, from `epoch` on, so that the rates mean something.
 *
 * @returns the rates, and the epochs that were drawn
 */
export async function firingRates(of: MeasureOptions): Promise<{ rates: FiringRate[]; epochs: number }> {
  const { augment, options, seed, epoch, images, onProgress } = of
  const epochs = Math.ceil(LEAST_DRAWS / images)
  const kinds = ['global 1', 'global 2', ...(augment.views.length > 2 ? (['local'] as const) : [])] as const
  const counts = kinds.map(() => new Map<FiringRate['op'], number>())
  const draws = kinds.map(() => 0)
  const total = epochs * images
  for (let i = 0; i < total; i++) {
    const plan = augment.plan({ seed, epoch: epoch + Math.floor(i / images), sample: i % images })
    for (const [v, view] of plan.entries()) {
      const kind = Math.min(v, 2)
      draws[kind]!++
      for (const op of Object.keys(fires) as FiringRate['op'][])
        if (fires[op](view)) counts[kind]!.set(op, (counts[kind]!.get(op) ?? 0) + 1)
    }
    if (i % 256 === 255) {
      onProgress(i + 1, total)
      await new Promise(setImmediate) // lets Ctrl-C in
    }
  }
  onProgress(total, total)
  const { flip = 0, grayscale = 0, jitter = {}, blur = [0, 0, 0], solarize = [0, 0, 0] } = options
  const ranges = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
  const jitters = ranges.some((range) => range !== 0) ? (jitter.p ?? 0) : 0
  const rates = kinds.flatMap((view, kind) => {
    const expected = { flip, jitter: jitters, grayscale, blur: blur[kind]!, solarize: solarize[kind]! }
    return (Object.keys(fires) as FiringRate['op'][]).map((op): FiringRate => {
      const p = expected[op]
      const n = draws[kind]!
      const measured = (counts[kind]!.get(op) ?? 0) / n
      const deviations = measured === p ? 0 : Math.abs(measured - p) / Math.sqrt((p * (1 - p)) / n)
      return { view, op, expected: p, measured, draws: n, deviations }
    })
  })
  return { rates, epochs }
}
