import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base85 } from './base85.js'

test('five characters are four bytes, most significant first', () => {
  expect([...base85('####$###$#')]).toEqual([0, 0, 0, 1, 0, 0, 0, 85])
  expect([...base85('#### ')]).toEqual([0, 0, 0, 92 - 35]) // the space is a backslash
})

test('gives back every word', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (word) => {
      const digits = [4, 3, 2, 1, 0].map((place) => Math.floor(word / 85 ** place) % 85)
      const bytes = base85(String.fromCharCode(...digits.map((digit) => digit + 35)).replaceAll('\\', ' '))
      expect(new DataView(bytes.buffer).getUint32(0)).toBe(word)
    }),
  )
})
