import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { recordLine, temporaryFolder, type WheelFile, wheelOf } from './fixture.js'
import { parseRecord, unpackWheel } from './wheel.js'

vi.setConfig({ testTimeout: 60_000 }) // Processes are started, on a machine that may be busy.

const folder = temporaryFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let count = 0
function unpack(wheel: Buffer, names: string[]) {
  const out = join(folder, String(count++))
  mkdirSync(out)
  writeFileSync(join(out, 'small.whl'), wheel)
  return unpackWheel(join(out, 'small.whl'), names, out)
}

test('every file comes out of a wheel as it went in, compressed or stored', async () => {
  const files = fc.array(
    fc.record({ data: fc.uint8Array({ minLength: 1, maxLength: 3000 }).map(Buffer.from), stored: fc.boolean() }),
    { minLength: 1, maxLength: 5 },
  )
  await fc.assert(
    fc.asyncProperty(files, async (made) => {
      const named: WheelFile[] = made.map((file, i) => ({ ...file, name: `folder/file ${i}` }))
      const unpacked = await unpack(wheelOf(named), named.map(({ name }) => name).reverse())
      expect(unpacked.map(({ path }) => readFileSync(path))).toEqual(named.map(({ data }) => data).reverse())
    }),
    { numRuns: 50 },
  )
})

test('only what is asked for is unpacked, and its progress ends at the sum', async () => {
  const out = join(folder, 'some')
  mkdirSync(out)
  const files = ['a', 'b', 'c'].map((name) => ({ name, data: Buffer.alloc(2_500_000, name) }))
  writeFileSync(join(out, 'small.whl'), wheelOf(files))
  const seen: number[] = []
  const unpacked = await unpackWheel(join(out, 'small.whl'), ['a', 'c'], out, (bytes) => seen.push(bytes))
  expect(unpacked.map(({ path }) => basename(path))).toEqual(['a', 'c'])
  expect(seen.length).toBeGreaterThan(4)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(seen.at(-1)).toBe(5_000_000)
})

describe('a wheel is refused when', () => {
  const file = { name: 'a', data: Buffer.from('what RECORD says') }
  const other = recordLine('a', Buffer.from('what RECORD said'))

  test('a hash differs', async () => {
    await expect(unpack(wheelOf([{ ...file, recorded: other }]), ['a'])).rejects.toMatchObject({
      code: 'hash-mismatch',
      message: expect.stringMatching(/small\.whl: expected a of 16 bytes with SHA-256 [0-9a-f]{64}, got 16 bytes with/),
    })
  })
  test('RECORD does not list the file', async () => {
    await expect(unpack(wheelOf([{ ...file, recorded: 'a,,' }]), ['a'])).rejects.toThrow('RECORD has no SHA-256 of a')
  })
  test('the file is not in it', async () => {
    await expect(unpack(wheelOf([file]), ['b'])).rejects.toThrow('it has no b')
  })
  test('it is no zip', async () => {
    await expect(unpack(Buffer.from('<html>Log in to the network</html>'), ['a'])).rejects.toMatchObject({
      code: 'bad-wheel',
    })
    await expect(unpack(Buffer.alloc(0), ['a'])).rejects.toThrow('it is no zip')
  })

  test('any byte is cut off or changed where it matters', async () => {
    const wheel = wheelOf([{ name: 'a', data: Buffer.from(Array.from({ length: 400 }, (_, i) => (i * i) % 251)) }])
    const whole = readFileSync((await unpack(wheel, ['a']))[0].path)
    const damages = fc.tuple(fc.nat(wheel.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean())
    await fc.assert(
      fc.asyncProperty(damages, async ([at, flip, cut]) => {
        const damaged = cut ? wheel.subarray(0, at) : Buffer.from(wheel)
        if (!cut) damaged[at] ^= flip
        const result = await unpack(damaged, ['a']).catch((error) => error)
        // Not all bytes of a zip mean something here (dates, CRC); what comes out is right or refused, never wrong.
        if (result instanceof Error) expect(result).toHaveProperty('name', 'EngineError')
        else expect(readFileSync(result[0].path)).toEqual(whole)
      }),
      { numRuns: 400 },
    )
  })
})

test('RECORD is read with quoted names, and lines without a hash are passed over', () => {
  const hash = '8GCzI7Ju-ArdIbnflCjeOuryhD13LFuwmHRfer_zcJs'
  const record = parseRecord(`"a, ""b""",sha256=${hash},12\r\nplain,sha256=${hash},7\nd/RECORD,,\n`)
  expect([...record.keys()]).toEqual(['a, "b"', 'plain'])
  expect(record.get('plain')).toEqual({
    bytes: 7,
    sha256: 'f060b323b26ef80add21b9df9428de3aeaf2843d772c5bb098745f7abff3709b',
  })
})
