import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as defaults from './defaults.js'
import * as vit from './index.js'

test('an architecture has the published sizes, and an undefined override keeps them', () => {
  expect(vit.config('vit_small', { patchSize: 8, imgSize: undefined })).toEqual({
    imgSize: 224,
    patchSize: 8,
    embedDim: 384,
    depth: 12,
    numHeads: 6,
    mlpRatio: 4,
    channels: 3,
    interpolateOffset: 0.1,
  })
  for (const arch of Object.keys(defaults.architectures)) expect(vit.config(arch as vit.Architecture).depth).toBe(12)
})

test('the grid holds the whole patches of any image', () => {
  const size = fc.integer({ min: 1, max: 300 })
  fc.assert(
    fc.property(size, size, fc.integer({ min: 1, max: 32 }), (height, width, patchSize) => {
      fc.pre(Math.min(height, width) >= patchSize)
      const [rows, columns] = vit.gridSize({ patchSize }, height, width)
      expect(rows * patchSize).toBeLessThanOrEqual(height)
      expect((rows + 1) * patchSize).toBeGreaterThan(height)
      expect((columns + 1) * patchSize).toBeGreaterThan(width)
      expect(vit.tokens({ patchSize }, height, width)).toBe(1 + rows * columns)
    }),
  )
  expect(vit.tokens(vit.config('vit_small'), 224, 224)).toBe(197)
  expect(vit.tokens(vit.config('vit_small', { patchSize: 8 }), 96, 96)).toBe(145)
})

test('sizes that make no model are refused', () => {
  expect(() => vit.config('vit_huge' as 'vit_base')).toThrow('got vit_huge')
  expect(() => vit.config('toString' as 'vit_base')).toThrow('got toString')
  expect(() => vit.config('vit_tiny', { numHeads: 5 })).toThrow('multiple of numHeads 5')
  expect(() => vit.config('vit_tiny', { patchSize: 7.5 })).toThrow('patchSize to be a positive integer, got 7.5')
  expect(() => vit.config('vit_tiny', { depth: 0 })).toThrow('depth')
  expect(() => vit.config('vit_tiny', { imgSize: 8 })).toThrow('at least one patch (16 px), got 8')
  expect(() => vit.config('vit_tiny', { mlpRatio: 0 })).toThrow('mlpRatio')
  expect(() => vit.config('vit_tiny', { mlpRatio: Number.NaN })).toThrow('mlpRatio')
  expect(() => vit.config('vit_tiny', { interpolateOffset: -0.1 })).toThrow('interpolateOffset')
  expect(() => vit.gridSize({ patchSize: 16 }, 15, 64)).toThrow('at least one patch (16 px), got 15 x 64')
})
