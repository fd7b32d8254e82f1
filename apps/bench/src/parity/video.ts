import { normalizeMasks, propagateMasks } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import { type Check, compare, float32, numbers, type Tensors, tensor } from './check.js'
import { Settings } from './settings.js'

/** Masks carried over from context frames, and the same stretched to 0..1. */
export function video(c: Case, tensors: Tensors): Check[] {
  const settings = new Settings(c.name, c).inner('config')
  const [height, width] = [settings.number('height'), settings.number('width')]
  const target = tensor(tensors, 'in.target') // [h·w, D]
  const context = tensor(tensors, 'in.context') // [n, D, h·w]
  const masks = tensor(tensors, 'in.masks') // [n, C, h, w]
  const [frames, objects] = masks.shape as [number, number]
  const dim = target.shape[1]!
  const patches = height * width
  const values = numbers(context)
  const maskValues = numbers(masks)
  const out = propagateMasks(
    { data: Float32Array.from(numbers(target)), rows: patches, dim },
    Array.from({ length: frames }, (_, n) => ({
      features: {
        data: Float32Array.from({ length: patches * dim }, (_, i) => {
          return values[(n * dim + (i % dim)) * patches + Math.floor(i / dim)]!
        }),
        rows: patches,
        dim,
      },
      masks: Float32Array.from({ length: objects * patches }, (_, i) => maskValues[n * objects * patches + i]!),
    })),
    {
      height,
      width,
      topk: settings.number('topk'),
      neighbourhood: settings.number('neighbourhood'),
      temperature: settings.number('temperature'),
    },
  )
  const shape = [objects, height, width]
  return [
    compare(c, 'out.mask', float32(shape, out), tensor(tensors, 'out.mask')),
    compare(c, 'out.normalised', float32(shape, normalizeMasks(out, objects)), tensor(tensors, 'out.normalised')),
  ]
}
