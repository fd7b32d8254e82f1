import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bestTrial, deinterleave, holdOut, interleave } from './index.js'

const row = (...values: number[]) => ({ data: Float32Array.from(values), rows: 1, dim: values.length })

describe('interleave', () => {
  test('takes turns between [CLS] and the mean patch, as the official linear weights do', () => {
    const features = { data: Float32Array.of(1, 2, 3, -1, -2, -3, 4, 5, 6, -4, -5, -6), rows: 2, dim: 6 }
    expect([...interleave(features).data]).toEqual([1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6])
  })

  test('interleaved weights on interleaved features give the same logits', () => {
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)
    const [feature, weight] = [row(1, 2, 3, 4), row(5, -6, 7, 8)]
    expect(dot(interleave(feature).data, interleave(weight).data)).toBe(dot(feature.data, weight.data))
  })

  test('deinterleave undoes it, for any number of parts', () => {
    const sizes = fc.record({
      rows: fc.nat(4),
      parts: fc.integer({ min: 1, max: 5 }),
      width: fc.integer({ min: 1, max: 6 }),
    })
    fc.assert(
      fc.property(sizes, ({ rows, parts, width }) => {
        const dim = parts * width
        const features = { data: Float32Array.from({ length: rows * dim }, (_, i) => i), rows, dim }
        expect(deinterleave(interleave(features, parts), parts)).toEqual(features)
      }),
    )
  })

  test('a row that is not of whole parts is refused', () => {
    expect(() => interleave(row(1, 2, 3))).toThrow('expected parts to divide the 3 numbers of a row, got 2')
  })
})

describe('bestTrial', () => {
  test('takes the best accuracy, then the smallest loss, then the smallest rate', () => {
    const trials = [
      { lr: 1, top1: 50, loss: 0.1 },
      { lr: 0.1, top1: 60, loss: 2 },
      { lr: 0.03, top1: 60, loss: 1 },
      { lr: 0.01, top1: 60, loss: 1 },
    ]
    expect(bestTrial(trials)).toBe(trials[3])
  })

  test('never takes one that diverged, and says so where all did', () => {
    const diverged = { lr: 1, top1: 99, loss: Number.NaN }
    const sound = { lr: 0.1, top1: 10, loss: 3 }
    expect(bestTrial([diverged, sound])).toBe(sound)
    expect(() => bestTrial([diverged])).toThrow('all of 1 trials diverged (lr 1). Try smaller learning rates')
  })
})

describe('holdOut', () => {
  const labels = fc.array(fc.integer({ min: -1, max: 4 }), { maxLength: 60 })

  test('parts the labelled rows, and every class keeps some to be trained on', () => {
    fc.assert(
      fc.property(labels, (labels) => {
        const { kept, held } = holdOut(labels)
        const labelled = [...labels.keys()].filter((i) => labels[i]! >= 0)
        expect([...kept, ...held].sort((a, b) => a - b)).toEqual(labelled)
        expect(new Set(kept.map((i) => labels[i]))).toEqual(new Set(labelled.map((i) => labels[i])))
      }),
    )
  })

  test('a tenth of a class is held out, evenly spaced; of a small class one; of a single image none', () => {
    expect(holdOut([...new Array(30).fill(0)]).held).toEqual([5, 15, 25])
    expect(holdOut([7, 7, 3]).held).toEqual([1])
  })

  test('all or nothing is no part', () => {
    expect(() => holdOut([0, 0], 1)).toThrow('expected a share above 0 and below 1, got 1')
  })
})
