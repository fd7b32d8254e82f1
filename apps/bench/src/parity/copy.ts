import { averagePrecision, copyDescriptor } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import { type Check, compare, float32, numbers, type Tensors, tensor, toleranceFor } from './check.js'
import { Settings } from './settings.js'

/** The descriptor of each image, and the average precision of ranked lists. */
export function copy(c: Case, tensors: Tensors): Check[] {
  const settings = new Settings(c.name, c)
  const tokens = tensor(tensors, 'in.tokens')
  const [images, count, dim] = tokens.shape as [number, number, number]
  const data = Float32Array.from(numbers(tokens))
  const descriptor = copyDescriptor({ data, images, tokens: count, dim }, { p: settings.number('gem_p') })
  const positives = settings.numbers('positives')
  const expected = settings.numbers('average_precision')
  return [
    compare(c, 'out.descriptor', float32([images, 2 * dim], descriptor.data), tensor(tensors, 'out.descriptor')),
    ...settings.list('ranks').map((ranks, i) => ({
      name: `average precision of list ${i}`,
      difference: Math.abs(averagePrecision(ranks as number[], positives[i]!) - expected[i]!),
      tolerance: toleranceFor(c, 'average_precision'),
    })),
  ]
}
