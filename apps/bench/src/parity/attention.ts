import { massMask } from '@dino/eval'
import type { Case } from '@dino/fixtures'
import { type Check, compare, numbers, type Tensors, tensor, under } from './check.js'
import { Settings } from './settings.js'

/** The patches that hold the mass T of each head's attention, for every threshold T. */
export function attention(c: Case, tensors: Tensors): Check[] {
  const input = tensor(tensors, 'in.attention') // [heads, patches]
  const patches = input.shape.at(-1)!
  const values = Float32Array.from(numbers(input))
  const masks = Object.entries(under('out.mask_', tensors)) // Python writes a threshold of 1 as 1.0
  const thresholds = new Settings(c.name, c).numbers('thresholds')
  for (const mass of thresholds) {
    if (!masks.some(([text]) => Number(text) === mass))
      throw new Error(`expected a tensor out.mask_${mass}, there is none.`)
  }
  return masks.map(([text, expected]) => {
    const actual = new Uint8Array(values.length)
    for (let start = 0; start < values.length; start += patches) {
      actual.set(massMask(values.subarray(start, start + patches), Number(text)), start)
    }
    return compare(c, `mask_${text}`, { dtype: 'uint8', shape: input.shape, data: actual }, expected, 'mask')
  })
}
