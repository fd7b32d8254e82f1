import { inRange, list, refuseUnknown, whole } from './checks.js'
import { type JitterOptions, resolveJitter } from './color-jitter.js'
import { multiCropDefaults as defaults } from './defaults.js'
import type { Interpolation } from './resample.js'
import { checkInterpolation } from './resized-crop.js'

/** Every default is the reference's (METHOD 1.12). Probabilities of three are of global view 1, global view 2, local views. */
export interface MultiCropOptions {
  /** Side of the global views, pixels. Default 224. */
  globalSize?: number
  /** Number of global views, 1 or 2; supervised training sees one. Default 2. */
  globalCrops?: number
  /** Side of the local views, pixels. Default 96. */
  localSize?: number
  /** Fraction of the image's area in a global view, [low, high]. Default [0.4, 1]. */
  globalScale?: readonly [number, number]
  /** Fraction of the image's area in a local view, [low, high]. Default [0.05, 0.4]. */
  localScale?: readonly [number, number]
  /** Number of local views; 0 for none. Default 8. */
  localCrops?: number
  /** Width / height of a crop before resizing, log-uniform, [low, high]. Default [3/4, 4/3]. */
  ratio?: readonly [number, number]
  /** Default 'bicubic'. */
  interpolation?: Interpolation
  /** Probability of mirroring. Default 0.5. */
  flip?: number
  /** Colour jitter, its operations in random order. */
  jitter?: JitterOptions
  /** Probability of grayscale. Default 0.2. */
  grayscale?: number
  /** Probabilities of Gaussian blur. Default [1, 0.1, 0.5]. */
  blur?: readonly [number, number, number]
  /** Standard deviation of the blur, pixels of the view, U[low, high]. Default [0.1, 2]. */
  sigma?: readonly [number, number]
  /** Probabilities of solarizing. Default [0, 0.2, 0]. */
  solarize?: readonly [number, number, number]
  /** Values from here on are inverted, 0 to 256. Default 128. */
  solarizeThreshold?: number
}

/** The options with every default filled in. */
export type ResolvedOptions = Required<Omit<MultiCropOptions, 'jitter'>> & { jitter: Required<JitterOptions> }

const WHERE = 'multiCrop'

/** Fills in defaults and throws on anything misspelt or out of range. An explicit `undefined` is the default. */
export function resolveOptions(options: MultiCropOptions): ResolvedOptions {
  const all = { ...defaults, interpolation: 'bicubic' }
  refuseUnknown(WHERE, options, Object.keys(all))
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const jitter = resolveJitter(WHERE, options.jitter ?? {}, 'jitter.')
  const resolved = { ...all, ...Object.fromEntries(given), jitter } as ResolvedOptions
  check(resolved)
  return resolved
}

function check(o: ResolvedOptions): void {
  const low = Number.MIN_VALUE // above 0
  const high = Number.POSITIVE_INFINITY
  for (const name of ['globalSize', 'localSize'] as const) whole(WHERE, name, o[name], 1, 16384)
  whole(WHERE, 'globalCrops', o.globalCrops, 1, 2)
  whole(WHERE, 'localCrops', o.localCrops, 0)
  for (const name of ['globalScale', 'localScale'] as const)
    list(WHERE, name, o[name], { length: 2, low, high: 1, rising: true })
  list(WHERE, 'ratio', o.ratio, { length: 2, low, high, rising: true })
  list(WHERE, 'sigma', o.sigma, { length: 2, low: 0, high, rising: true })
  checkInterpolation(WHERE, o.interpolation)
  for (const name of ['flip', 'grayscale'] as const) inRange(WHERE, name, o[name], 0, 1)
  for (const name of ['blur', 'solarize'] as const) list(WHERE, name, o[name], { length: 3, low: 0, high: 1 })
  inRange(WHERE, 'solarizeThreshold', o.solarizeThreshold, 0, 256)
}
