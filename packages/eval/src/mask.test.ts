import { cases, golden, load } from '@dino/fixtures'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jaccard, massMask } from './index.js'

test.each(cases<{ thresholds: number[] }>('attention'))('$name: masks equal PyTorch exactly', (c) => {
  const tensors = load(c)
  const { data, shape } = tensors['in.attention']
  const [heads, patches] = shape
  for (const threshold of c.thresholds) {
    const expected = tensors[`out.mask_${threshold}`].data as Uint8Array
    for (let head = 0; head < heads; head++) {
      const [from, to] = [head * patches, (head + 1) * patches]
      expect(massMask((data as Float32Array).subarray(from, to), threshold)).toEqual(expected.slice(from, to))
    }
  }
})

test('the worked example of golden.json', () => {
  const { attn, 'keep .6': keep } = golden().attn_mask
  expect([...massMask(attn, 0.6)]).toEqual(keep)
})

describe('massMask', () => {
  const attention = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 })
  const positive = attention.filter((a) => a.some((v) => v > 1e-3))

  test('holds the mass, and would not without its weakest patch', () => {
    fc.assert(
      fc.property(positive, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, mass) => {
        const mask = massMask(values, mass)
        const total = values.reduce((a, b) => a + b)
        const inside = values.filter((_, i) => mask[i])
        const held = inside.reduce((a, b) => a + b, 0)
        expect(held).toBeGreaterThanOrEqual(total * mass * (1 - 1e-9))
        expect(held - Math.min(...inside)).toBeLessThanOrEqual(total * mass * (1 + 1e-9))
      }),
    )
  })

  test('equal patches keep their share: 6 of 10 at 0.6, 9 of 15 at 0.6', () => {
    for (const patches of [10, 15]) {
      const inside = massMask(new Float32Array(patches).fill(1 / patches), 0.6).reduce((a, b) => a + b)
      expect(inside).toBe(0.6 * patches)
    }
  })

  test('what is no attention is refused', () => {
    expect(() => massMask([0.5, 0.5], 0)).toThrow('got 0')
    expect(() => massMask([0.5, 0.5], 60)).toThrow('got 60')
    expect(() => massMask([0.5, Number.NaN], 0.6)).toThrow('got NaN at patch 1')
    expect(() => massMask([0, 0], 0.6)).toThrow('got 0')
  })
})

describe('jaccard', () => {
  test('is symmetric, 1 for a mask and itself, 0 for a mask and its complement', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })), { minLength: 1 }),
        (pairs) => {
          const a = pairs.map(([v]) => v)
          const b = pairs.map(([, v]) => v)
          expect(jaccard(a, b)).toBe(jaccard(b, a))
          expect(jaccard(a, a)).toBe(1)
          expect(
            jaccard(
              a,
              a.map((v) => 1 - v),
            ),
          ).toBe(0)
        },
      ),
    )
  })

  test('two of four is a half, two empty masks agree, other sizes are refused', () => {
    expect(jaccard([1, 1, 1, 0], [0, 1, 1, 1])).toBe(0.5)
    expect(jaccard([0, 0], [0, 0])).toBe(1)
    expect(() => jaccard([1], [1, 0])).toThrow('got 1 and 2')
  })
})
