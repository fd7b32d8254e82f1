import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inflate } from './inflate.js'

// Long enough, and of few enough letters, for codes of their own
const letters = fc.uint8Array({ min: 97, max: 104, minLength: 400, maxLength: 3000 })
const repeated = fc
  .tuple(letters, fc.integer({ min: 1, max: 30 }))
  .map(([part, times]) => Uint8Array.from({ length: part.length * times }, (_, i) => part[i % part.length]!))

test('gives back what zlib has packed', () => {
  fc.assert(
    fc.property(fc.oneof(letters, repeated), fc.integer({ min: 1, max: 9 }), (data, level) => {
      const packed = deflateRawSync(data, { level })
      expect(Buffer.compare(inflate(packed, data.length), data)).toBe(0)
    }),
    { numRuns: 200 },
  )
})

test('refuses a stream without codes of its own, and one that is damaged', () => {
  expect(() => inflate(deflateRawSync(Uint8Array.of(1, 2, 3), { level: 0 }), 3)).toThrow(
    'a block with codes of its own',
  )
  expect(() => inflate(deflateRawSync(Uint8Array.of(1, 2, 3)), 3)).toThrow('a block with codes of its own')
})
