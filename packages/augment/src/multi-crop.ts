import { brightnessInPlace, contrastInPlace } from './blend.js'
import { cropBox } from './crop-box.js'
import { gaussianBlurInPlace } from './gaussian-blur.js'
import { grayscaleInPlace } from './grayscale.js'
import { hueInPlace } from './hue.js'
import { checkImage, type Image } from './image.js'
import { type Kernels, kernels } from './kernels.js'
import { type MultiCropOptions, resolveOptions } from './multi-crop-options.js'
import { resamplePlain } from './resample.js'
import { saturationInPlace } from './saturation.js'
import { solarizeInPlace } from './solarize.js'
import { drawView, type PlanKey, type ViewPlan } from './view-plan.js'

export interface MultiCrop {
  /** What `apply` returns: the global views, then the local ones. */
  views: readonly { kind: 'global' | 'local'; size: number }[]
  /** Draws the views of a sample. The same key draws the same, whatever was drawn before. */
  plan(key: PlanKey): ViewPlan[]
  /**
   * Makes the views.
   *
   * @param plan from `plan`, perhaps edited or read from a log
   * @param into where to write each view; default new arrays
   * @returns for each view of the plan [size, size, image.channels]
   */
  apply(image: Image, plan: readonly ViewPlan[], into?: readonly Uint8Array[]): Uint8Array[]
}

/**
 * DINO's multi-crop augmentation: crop, flip, jitter, grayscale, blur, solarize, in this order, byte for byte what torchvision makes of a
 * Pillow image for the same draws.
 *
 * Caron et al. 2021, appendix C; reference: `DataAugmentationDINO` in main_dino.py; METHOD 1.12.
 */
export function multiCrop(options: MultiCropOptions = {}): MultiCrop {
  const resolved = resolveOptions(options)
  const { globalSize, globalCrops, localSize, localCrops } = resolved
  const global = { kind: 'global', size: globalSize } as const
  const local = { kind: 'local', size: localSize } as const
  const views = [...new Array(globalCrops).fill(global), ...new Array(localCrops).fill(local)] as MultiCrop['views']
  return {
    views,
    plan: (key) => views.map((_, view) => drawView(resolved, key, view)),
    apply: applyPlan,
  }
}

function applyPlan(image: Image, plan: readonly ViewPlan[], into?: readonly Uint8Array[]): Uint8Array[] {
  checkImage('multiCrop.apply', image)
  if (into && into.length !== plan.length)
    throw new RangeError(`multiCrop.apply: expected ${plan.length} arrays to write to, got ${into.length}.`)
  const views = plan.map((view, i) => {
    const bytes = view.size * view.size * image.channels
    const out = into?.[i] ?? new Uint8Array(bytes)
    if (out.length === bytes) return out
    throw new RangeError(`multiCrop.apply: expected ${bytes} bytes for view ${i}, got ${out.length}.`)
  })
  const module = kernels()
  if (!module) for (const [i, view] of plan.entries()) applyPlain(image, view, views[i]!)
  else {
    try {
      module.begin(image)
      for (const [i, view] of plan.entries()) applyFast(module, image, view, views[i]!)
    } finally {
      module.end()
    }
  }
  return views
}

function applyFast(module: Kernels, image: Image, view: ViewPlan, out: Uint8Array): void {
  const { size, crop, interpolation, flip } = view
  module.resample(image, cropBox(crop, image.width, image.height), size, size, interpolation, flip)
  for (const { op, factor } of view.jitter) module[op](factor)
  if (view.grayscale) module.grayscale()
  if (view.blur !== null) module.gaussianBlur(view.blur)
  if (view.solarize !== null) module.solarize(view.solarize)
  module.store(out)
}

/** What a view is, by definition. */
function applyPlain(image: Image, view: ViewPlan, data: Uint8Array): void {
  const { size, crop, interpolation, flip } = view
  resamplePlain(image, cropBox(crop, image.width, image.height), size, size, interpolation, flip, data)
  const out: Image = { data, width: size, height: size, channels: image.channels }
  for (const { op, factor } of view.jitter) jitterInPlace[op](out, factor)
  if (view.grayscale) grayscaleInPlace(out)
  if (view.blur !== null) gaussianBlurInPlace(out, view.blur)
  if (view.solarize !== null) solarizeInPlace(out, view.solarize)
}

const jitterInPlace = {
  brightness: brightnessInPlace,
  contrast: contrastInPlace,
  saturation: saturationInPlace,
  hue: hueInPlace,
}
