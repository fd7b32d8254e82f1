import { jitter } from './color-jitter.js'
import { cropBox } from './crop-box.js'
import { gaussianBlur } from './gaussian-blur.js'
import { grayscale } from './grayscale.js'
import { hflip } from './hflip.js'
import type { Image } from './image.js'
import { resizedCrop } from './resized-crop.js'
import { solarize } from './solarize.js'
import type { ViewPlan } from './view-plan.js'

/** A view after one of its operations. */
export interface ViewStep {
  op: 'crop' | 'flip' | 'brightness' | 'contrast' | 'saturation' | 'hue' | 'grayscale' | 'blur' | 'solarize'
  /** Factor, turn, sigma or threshold; null where there is none. */
  value: number | null
  image: Image
}

/** How a view comes about: the image after each operation that its plan does, in order. The last is the view. */
export function viewSteps(image: Image, view: ViewPlan): ViewStep[] {
  const { size, interpolation, crop } = view
  const box = cropBox(crop, image.width, image.height)
  const steps: ViewStep[] = [{ op: 'crop', value: null, image: resizedCrop(image, { ...box, size, interpolation }) }]
  const then = (op: ViewStep['op'], value: number | null, work: (image: Image) => Image) =>
    steps.push({ op, value, image: work(steps.at(-1)!.image) })
  if (view.flip) then('flip', null, hflip)
  for (const step of view.jitter) then(step.op, step.factor, (now) => jitter(now, step))
  if (view.grayscale) then('grayscale', null, grayscale)
  if (view.blur !== null) then('blur', view.blur, (now) => gaussianBlur(now, view.blur!))
  if (view.solarize !== null) then('solarize', view.solarize, (now) => solarize(now, view.solarize!))
  return steps
}
