import { expect, test } from 'vitest'
import { countPairs, pairs } from './pairs.js'

test('the teacher compares each of its views with all others, or, as MoCo, its second with all but that', () => {
  expect(pairs(4, true)).toEqual([
    [0, 1, 1, 1],
    [1, 0, 1, 1],
  ])
  expect(pairs(3, false)).toEqual([
    [0, 0, 0],
    [1, 0, 1],
  ])
  for (const V of [2, 3, 10]) {
    for (const symmetric of [true, false]) {
      expect(countPairs(V, symmetric)).toBe(pairs(V, symmetric).flat().filter(Boolean).length)
    }
  }
})
