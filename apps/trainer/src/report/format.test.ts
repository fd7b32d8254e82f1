import { expect, test } from 'vitest'
import { bytes, duration, short, wrap } from './format.js'
import { table } from './table.js'

test.each([
  [0, '0.0 s'],
  [420, '0.4 s'],
  [12_400, '12 s'],
  [59_900, '1 min 00 s'],
  [185_000, '3 min 05 s'],
  [3_720_000, '1 h 02 min'],
  [200_000_000, '2 d 7 h'],
  [Number.NaN, '?'],
])('%d ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test.each([
  [0, '0'],
  [5.318, '5.32'],
  [0.00125, '0.00125'],
  [0.001, '0.001'],
  [1.25e-4, '1.25e-4'],
  [1e-6, '1e-6'],
  [1234.5, '1235'],
  [64, '64.0'],
  [-2.5e7, '-2.5e7'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('%d is %s', (value, text) => {
  expect(short(value)).toBe(text)
})

test.each([
  [999, '999 B'],
  [1400, '1.4 kB'],
  [274_000_000, '274 MB'],
  [2_350_000_000, '2.4 GB'],
])('%d bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text)
})

test('a table sets numbers right and has no escapes', () => {
  expect(
    table(
      ['name', 'top-1'],
      [
        ['pixels', '54.0'],
        ['dino', '152.3'],
      ],
    ),
  ).toBe(['name    top-1', 'pixels   54.0', 'dino    152.3'].join('\n'))
})

test('text breaks between words', () => {
  expect(wrap('one two three four', 9)).toEqual(['one two', 'three', 'four'])
})
