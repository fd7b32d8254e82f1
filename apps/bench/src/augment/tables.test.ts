import { expect, test } from 'vitest'
import { type AugmentResult, type Measured, tables } from './tables.js'

const side = (name: string, ms: number, gigabytes: number): Measured => ({
  ...{ name, version: 'V', crops: ms, floats: ms, file: ms, decode: ms, ops: { hue: ms }, gigabytes },
  spread: { crops: [ms - 1, ms + 1], floats: [ms - 1, ms + 1], file: [ms, ms], decode: [ms, ms] },
})
const result: AugmentResult = {
  ...{ cpu: 'C', cores: 2, pinned: true, photos: 14, rounds: 3, repeats: 6 },
  sides: [side('ours', 2, 0.2), side('pillow', 12, 0.5)],
  pool: [
    { side: 'ours', workers: 1, oneCore: false, imagesPerSecond: 240, spread: [230, 250], gigabytes: 0.25 },
    { side: 'peer', workers: 1, oneCore: false, imagesPerSecond: 40, spread: [39, 42], gigabytes: 1.25 },
  ],
}
const cells = (text: string, title: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith(title))
    .map((line) => line.trim().split(/ {2,}/).slice(1))

test('both sides stand with their rounds, least to greatest, and their peak memory', () => {
  const text = tables(result)
  expect(cells(text, 'ten crops, float32')).toEqual([['2.00', '12.00 (6.0 x)']])
  expect(cells(text, '  rounds')[1]).toEqual(['1.00 to 3.00', '11.00 to 13.00'])
  expect(cells(text, 'peak memory, GB')).toEqual([['0.20', '0.50 (2.5 x)']])
  expect(cells(text, '1 worker')).toEqual([
    ['240.0', '230.0 to 250.0', '-', '1.00 x', '40.0 (6.0 x)', '39.0 to 42.0', '0.25, 1.25'],
  ])
})

test('a single round has no spread', () => {
  const text = tables({ ...result, rounds: 1 })
  expect(cells(text, '  rounds')).toEqual([])
  expect(text).toContain('1 round of 6;')
  expect(cells(text, '1 worker')[0]!.slice(1, 2)).toEqual(['-'])
})
