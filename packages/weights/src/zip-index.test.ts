import fc from 'fast-check'
import { expect, test } from 'vitest'
import { failure } from './pickle.js'
import { PickleError } from './pickle-error.js'
import { zipIndex } from './zip-index.js'

interface File {
  name: string
  data: number[]
  /** What the list of files says instead. */
  lie?: { size?: number; stored?: number; header?: number; method?: number; flags?: number; large?: boolean }
}

const le = (value: number, bytes: number) => Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 255)
const text = (value: string) => [...new TextEncoder().encode(value)]

/** A zip archive of files that are stored as they are. */
function zip(files: File[], { count = files.length, start = 0, comment = '' } = {}): Uint8Array {
  const bytes: number[] = []
  const list: number[] = []
  for (const { name, data, lie = {} } of files) {
    const { size = data.length, stored = size, header = bytes.length, method = 0, flags = 0, large } = lie
    const common = [...le(method, 2), ...le(0, 4), ...le(0, 4)]
    const extra = large ? [...le(1, 2), ...le(24, 2), ...le(size, 8), ...le(stored, 8), ...le(header, 8)] : []
    const said = large ? Array(12).fill(255) : []
    const sizes = large ? said.slice(0, 8) : [...le(stored, 4), ...le(size, 4)]
    const place = large ? said.slice(0, 4) : le(header, 4)
    list.push(...le(0x02014b50, 4), ...le(0, 4), ...le(flags, 2), ...common, ...sizes, ...le(name.length, 2))
    list.push(...le(extra.length, 2), ...le(0, 10), ...place, ...text(name), ...extra)
    bytes.push(...le(0x04034b50, 4), ...le(0, 4), ...common, ...le(data.length, 4), ...le(data.length, 4))
    bytes.push(...le(name.length, 2), ...le(0, 2), ...text(name), ...data)
  }
  const end = [...le(0x06054b50, 4), ...le(0, 4), ...le(count, 2), ...le(count, 2), ...le(list.length, 4)]
  end.push(...le(bytes.length + start, 4), ...le(comment.length, 2), ...text(comment))
  return Uint8Array.from([...bytes, ...list, ...end])
}

const index = (bytes: Uint8Array) => zipIndex(bytes, failure('a.pth'))
const a: File = { name: 'a', data: [1, 2, 3] }
const b: File = { name: 'b', data: [4] }

test('finds the bytes of every file', () => {
  const bytes = zip([a, b], { comment: 'PK\u0005\u0006 is no end' })
  const files = index(bytes)
  expect([...files.keys()]).toEqual(['a', 'b'])
  for (const { name, data } of [a, b]) {
    const { offset, size } = files.get(name)!
    expect([...bytes.subarray(offset, offset + size)]).toEqual(data)
  }
})

test('finds sizes of zip64', () => {
  expect(index(zip([{ ...a, lie: { large: true } }, b]))).toEqual(index(zip([a, b])))
})

test.each<[string, Uint8Array, string]>([
  ['a compressed file', zip([{ ...a, lie: { method: 8 } }]), 'a is compressed'],
  ['an encrypted file', zip([{ ...a, lie: { flags: 1 } }]), 'a is encrypted'],
  ['a file that grows', zip([{ ...a, lie: { size: 1e9, stored: 3 } }]), 'a: expected 1000000000 bytes, 3 are stored'],
  ['a file beyond the end', zip([{ ...a, lie: { size: 1e9 } }]), 'a lies outside of the file'],
  ['a file beyond 2^53', zip([{ ...a, lie: { size: 2 ** 60, large: true } }]), 'a lies outside of the file'],
  ['a file that runs into the list', zip([{ ...a, lie: { size: 20 } }]), 'a runs into the list of files'],
  ['a file elsewhere', zip([{ ...a, lie: { header: 1 } }, b]), 'a is not where the list of files says'],
  ['files that share bytes', zip([a, { ...b, lie: { header: 0 } }]), 'share bytes'],
  ['two files of one name', zip([a, { ...a, data: [9] }]), 'two files called a'],
  ['fewer files than it says', zip([a], { count: 2 }), 'expected 2 files in the archive, got 1'],
  ['a list elsewhere', zip([a], { start: 5 }), 'expected 1 files in the archive, got 0'],
  ['no list', zip([a]).subarray(0, 40), 'expected a zip archive to end in its list of files'],
])('refuses %s', (_, bytes, message) => {
  expect(() => index(bytes)).toThrow(PickleError)
  expect(() => index(bytes)).toThrow(message)
})

test('reads or refuses any damaged archive', () => {
  const whole = zip([a, { ...b, lie: { large: true } }])
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const bytes = whole.slice()
      for (const [at, byte] of changes) bytes[at] = byte
      try {
        for (const { offset, size } of index(bytes).values()) expect(offset + size).toBeLessThanOrEqual(bytes.length)
      } catch (error) {
        expect(error).toBeInstanceOf(PickleError)
      }
    }),
    { numRuns: 2000 },
  )
})
