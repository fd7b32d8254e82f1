import { golden, largestDifference } from '@dino/fixtures'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as vit from './index.js'

test("rates rise linearly from 0 to the last block's", () => {
  const expected = golden()['drop_path_rates depth12 rate.1']
  expect(largestDifference(vit.dropPathRates(12, 0.1), expected)).toBeLessThan(1e-12)
  expect(vit.dropPathRates(1, 0.5)).toEqual([0])
  expect(vit.dropPathRates(3, 0)).toEqual([0, 0, 0])
})

test('a mask holds 0 or 1 / keep, keeps the mean, and never drops in the first block', () => {
  const [depth, batch, rate] = [3, 4000, 0.4]
  const mask = vit.dropPathMask({ depth, rate, batch, seed: 0, step: 0 })
  expect(mask.length).toBe(2 * depth * batch)
  vit.dropPathRates(depth, rate).forEach((dropRate, block) => {
    for (const branch of [0, 1]) {
      const row = mask.subarray((2 * block + branch) * batch, (2 * block + branch + 1) * batch)
      expect(new Set(row)).toEqual(new Set(dropRate ? [0, Math.fround(1 / (1 - dropRate))] : [1]))
      const mean = row.reduce((sum, x) => sum + x, 0) / batch
      expect(Math.abs(mean - 1)).toBeLessThanOrEqual(4 * Math.sqrt(dropRate / (1 - dropRate) / batch))
    }
  })
})

test('a step draws the same mask again, another step another one', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(1000), (seed, step) => {
      const draw = (step: number) => vit.dropPathMask({ depth: 4, rate: 0.5, batch: 16, seed, step })
      expect(draw(step)).toEqual(draw(step))
      expect(draw(step)).not.toEqual(draw(step + 1))
    }),
  )
})

test("DINOv2's subset keeps the same number of rows in every step, each as often as any other", () => {
  const [depth, batch, rate] = [4, 10, 0.3]
  const often = new Float64Array(batch)
  for (let step = 0; step < 200; step++) {
    const mask = vit.dropPathMask({ depth, rate, batch, seed: 1, step, subset: true })
    for (const [branch, dropRate] of vit
      .dropPathRates(depth, rate)
      .flatMap((r) => [r, r])
      .entries()) {
      const row = mask.subarray(branch * batch, (branch + 1) * batch)
      const count = Math.floor(batch * (1 - dropRate))
      expect(row.filter((x) => x !== 0)).toEqual(new Float32Array(count).fill(batch / count))
      if (branch === 7) for (const [i, x] of row.entries()) often[i]! += Number(x !== 0)
    }
  }
  for (const times of often) expect(Math.abs(times - 140)).toBeLessThan(4 * Math.sqrt(200 * 0.7 * 0.3))
  expect(
    vit.dropPathMask({ depth: 2, rate: 0.9, batch: 2, seed: 0, step: 0, subset: true }).filter(Boolean).length,
  ).toBe(6)
})

test('the rows to compute are all that are kept, each once and in order, and few others', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.nat(),
      (batch, rate, step) => {
        const mask = vit.dropPathMask({ depth: 3, rate, batch, seed: 0, step })
        const { rows, places } = vit.dropPathRows(mask, batch)
        expect(rows.length).toBe(6)
        for (const [branch, own] of rows.entries()) {
          const kept = mask.subarray(branch * batch, (branch + 1) * batch).reduce((n, x) => n + Number(x !== 0), 0)
          expect(own.length).toBeGreaterThanOrEqual(Math.max(1, kept))
          expect(own.length).toBeLessThan(Math.max(1, kept) + Math.ceil(batch / 32))
          expect([...own]).toEqual([...new Set(own)].sort((a, b) => a - b))
          for (let i = 0; i < batch; i++) if (mask[branch * batch + i]) expect(own[places[branch * batch + i]!]).toBe(i)
        }
      },
    ),
  )
})

test('a rate that drops everything, or less than nothing, is refused', () => {
  expect(() => vit.dropPathRates(12, 1)).toThrow('got 1')
  expect(() => vit.dropPathMask({ depth: 2, rate: -0.1, batch: 1, seed: 0, step: 0 })).toThrow('got -0.1')
})
