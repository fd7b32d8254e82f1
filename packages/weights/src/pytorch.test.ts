import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PickleError, PickleObject, parsePickle, parsePyTorch, parseSafetensors } from './index.js'

// Not through @dino/fixtures, which itself reads with this package
const data = new URL('../../fixtures/data/', import.meta.url)
const manifest: Record<string, unknown>[] = JSON.parse(readFileSync(new URL('manifest.json', data), 'utf8')).cases
const checkpoints = manifest.filter(({ kind }) => kind === 'checkpoint') as { files: string[]; same_as: string }[]

describe.each(checkpoints.flatMap(({ files, same_as }) => files.map((file) => [file, same_as] as const)))(
  '%s',
  (file, run) => {
    const bytes = new Uint8Array(readFileSync(new URL(file, data)))
    const { tensors, value } = parsePyTorch(bytes, { file })
    const expected = parseSafetensors(readFileSync(new URL(`${run}.safetensors`, data))).tensors

    test('holds the tensors of the run that it ended, bit for bit', () => {
      let compared = 0
      for (const [name, tensor] of Object.entries(expected)) {
        const [owner, ...rest] = name.split('.')
        const path =
          owner === 'student' ? `student.module.${rest.join('.')}` : owner === 'center' ? 'dino_loss.center' : name
        if (!(owner === 'student' || owner === 'teacher' || owner === 'center')) continue
        expect(tensors[path]).toEqual(tensor)
        compared++
      }
      expect(compared).toBeGreaterThan(2)
    })

    test('is the same in a Buffer of Node, wherever that begins', () => {
      for (const shift of [0, 1, 4]) {
        const buffer = Buffer.alloc(bytes.length + 8).subarray(shift, shift + bytes.length)
        buffer.set(bytes)
        expect(parsePyTorch(buffer).tensors).toEqual(tensors)
      }
    })

    test('holds the settings, the epoch and the optimizer as data', () => {
      const all = value as Map<string, unknown>
      expect(all.get('args')).toBeInstanceOf(PickleObject)
      expect((all.get('args') as PickleObject).type).toBe('argparse.Namespace')
      expect((all.get('args') as PickleObject).state).toBeInstanceOf(Map)
      expect(all.get('epoch')).toBeTypeOf('number')
      expect(Object.keys(tensors).some((name) => /^optimizer\.state\.\d+\.exp_avg$/.test(name))).toBe(true)
    })

    test('cut anywhere is refused in one line that names it', () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
          expect(() => parsePyTorch(bytes.subarray(0, length), { file })).toThrow(PickleError)
          expect(() => parsePyTorch(bytes.subarray(0, length), { file })).toThrow(file)
        }),
        { numRuns: 60 },
      )
    })

    test('damaged anywhere is read or refused, nothing else', () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
          (changes) => {
            const copy = bytes.slice()
            for (const [at, byte] of changes) copy[at % 2 ? at : at % 30_000] = byte // more of them where the structure is
            try {
              parsePyTorch(copy)
            } catch (error) {
              expect(error).toBeInstanceOf(PickleError)
            }
          },
        ),
        { numRuns: 200 },
      )
    })
  },
)

/** Operations of a pickle, written by hand. */
const op = {
  proto: [0x80, 2],
  stop: [0x2e],
  mark: [0x28],
  global: (module: string, name: string) => [0x63, ...ascii(`${module}\n${name}\n`)],
  text: (value: string) => [0x58, ...u32(new TextEncoder().encode(value).length), ...new TextEncoder().encode(value)],
}
const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0))
const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]
const pickle = (...parts: number[][]) => Uint8Array.from([...op.proto, ...parts.flat(), ...op.stop])

describe('a pickle', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['__builtin__', 'exec'],
    ['builtins', 'getattr'],
    ['torch', 'load'],
    ['numpy', 'fromfile'],
    ['constructor', 'prototype'],
    ['__proto__', 'x'],
  ])('that calls %s.%s is refused by name, and nothing is run', (module, name) => {
    const bytes = pickle(op.global(module, name), op.mark, op.text('echo hacked'), [0x74, 0x52]) // TUPLE, REDUCE
    expect(() => parsePickle(bytes, { file: 'evil.pth' })).toThrow(
      `evil.pth: it names the Python object ${module}.${name}, which is no data. Nothing was run.`,
    )
    const kept = parsePickle(bytes, { keepUnknown: true }) as PickleObject
    expect([kept.type, kept.args]).toEqual([`${module}.${name}`, ['echo hacked']])
  })

  test('keeps keys such as __proto__ to itself', () => {
    const bytes = pickle([0x7d], op.text('__proto__'), [0x7d], op.text('x'), [0x4b, 1, 0x73, 0x73])
    expect(parsePickle(bytes)).toEqual(new Map([['__proto__', new Map([['x', 1]])]]))
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test.each([
    ['an integer', [0x8a, 2, 0, 1], 256],
    ['a negative integer', [0x8a, 1, 0xff], -1],
    ['nothing as an integer', [0x8a, 0], 0],
    ['an integer beyond 2^53', [0x8a, 8, 1, 0, 0, 0, 0, 0, 0, 0x40], 2n ** 62n + 1n],
    ['a float', [0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ['the integer of protocol 0', ascii('I-12\n'), -12],
    ['the boolean of protocol 0', ascii('I01\n'), true],
    ['the string of protocol 0', ascii("S'a\\x41\\n\\''\n"), "aA\n'"],
    ['the text of protocol 0', ascii('V\\u00e9t\u00e9\n'.replace('\u00e9', '\\u00e9')), '\u00e9t\u00e9'],
    ['a set', [0x8f, 0x28, 0x4b, 1, 0x4b, 2, 0x90], new Set([1, 2])],
    ['a remembered value twice', [0x5d, 0x94, 0x68, 0, 0x86], [[], []]],
  ])('holds %s', (_, code, value) => {
    expect(parsePickle(pickle(code))).toEqual(value)
  })

  test.each([
    ['no value', [], 'expected one value at the end, got 0'],
    ['a value that is not there', [0x86], 'takes a value that is not there'],
    ['a value before the mark', [0x4b, 1, 0x28, 0x61], 'takes a value that is not there'],
    ['a memo that is not there', [0x68, 7], 'remembered as 7, there is none'],
    ['a string longer than the file', [0x58, 255, 255, 255, 127], 'expected 2147483647 bytes, 1 are left'],
    ['an integer of a million bytes', [0x8b, 64, 66, 15, 0], 'at most 64 bytes, got 1000000'],
    ['an unknown operation', [0xff], 'there is no operation 0xff'],
    ['an instance of protocol 0', ascii('ios\nsystem\n'), 'there is no operation 0x69'],
    ['protocol 9', [0x80, 9], 'protocol 0 to 5, got 9'],
    ['a call of data', [0x4b, 1, 0x29, 0x52], 'expected something to call'],
    ['a reference to elsewhere', [0x4b, 1, 0x51], 'refers to something outside'],
  ])('with %s is refused', (_, code, message) => {
    expect(() => parsePickle(pickle(code))).toThrow(message)
  })

  test('that names a type as a value holds its name', () => {
    const type = op.global('collections', 'OrderedDict')
    expect(parsePickle(pickle(type, [0x85]))).toEqual(['collections.OrderedDict'])
    expect(() => parsePickle(pickle([0x7d], type, [0x4e, 0x73]))).toThrow('it uses a class as a key')
  })

  test('that never ends in sight is refused', () => {
    expect(() => parsePickle(new Uint8Array(2_000_000).fill(0x5d))).toThrow('expected at most 1000000 operations')
  })
})

describe('a file of PyTorch', () => {
  const floats = [0x63, ...ascii('torch\nFloatStorage\n')]
  /** A tensor of four floats, as the legacy format has it. */
  const file = ({
    size = [2, 2],
    stride = [2, 1],
    offset = 0,
    length = 4,
    type = floats,
    values = [1, 2, 3, 4],
  } = {}) => {
    const integers = (list: number[]) => [...op.mark, ...list.flatMap((n) => [0x4a, ...u32(n)]), 0x74]
    const id = [
      ...op.mark,
      ...op.text('storage'),
      ...type,
      ...op.text('k'),
      ...op.text('cpu'),
      0x4a,
      ...u32(length),
      0x4e,
      0x74,
      0x51,
    ]
    const tensor = [
      ...op.global('torch._utils', '_rebuild_tensor_v2'),
      ...op.mark,
      ...id,
      0x4a,
      ...u32(offset),
      ...integers(size),
      ...integers(stride),
      0x89,
      0x4e,
      0x74,
      0x52,
    ]
    return Uint8Array.from([
      ...[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e], // the magic number
      ...pickle([0x4d, 0xe9, 3]),
      ...pickle([0x7d]),
      ...pickle(tensor),
      ...pickle([0x5d], op.text('k'), [0x61]),
      ...u32(length), ...u32(0),
      ...new Uint8Array(Float32Array.from(values).buffer),
    ]) // biome-ignore format: bytes
  }
  const only = (bytes: Uint8Array) => Object.values(parsePyTorch(bytes).tensors)[0]

  test('may hold a tensor that looks at its storage sideways', () => {
    expect(only(file())).toEqual({ dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) })
    expect(only(file({ stride: [1, 2] }))!.data).toEqual(Float32Array.of(1, 3, 2, 4))
    expect(only(file({ size: [2], stride: [2], offset: 1 }))!.data).toEqual(Float32Array.of(2, 4))
    expect(only(file({ size: [], stride: [], offset: 3 }))!.data).toEqual(Float32Array.of(4))
    expect(only(file({ size: [0, 5], stride: [5, 1] }))!.data).toEqual(new Float32Array())
  })

  test.each([
    ['reads past its storage', { offset: 1 }, 'reads element 4 of storage k, which has 4'],
    ['repeats a few bytes without end', { size: [1 << 30], stride: [0] }, 'repeats the 4 elements'],
    ['has more strides than sizes', { stride: [2, 1, 1] }, 'as many strides as sizes'],
    [
      'is complex',
      { type: [0x63, ...ascii('torch\nComplexFloatStorage\n')] },
      'torch.ComplexFloatStorage, which have no counterpart',
    ],
    ['is longer than the file', { values: [1, 2] }, 'expected 16 bytes, 8 are left'],
    ['begins before its storage', { offset: -1 }, 'expected a tensor to have a storage'],
  ])('with a tensor that %s is refused', (_, change, message) => {
    expect(() => parsePyTorch(file(change))).toThrow(message)
  })

  test.each([
    ['no bytes', new Uint8Array()],
    ['a web page', new TextEncoder().encode('<!doctype html><html>')],
    ['a safetensors file', Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d])],
  ])('is not %s', (_, bytes) => expect(() => parsePyTorch(bytes)).toThrow('begins like none'))

  test('nested without end or in itself is refused', () => {
    const nested = Uint8Array.from([...op.proto, ...Array(2000).fill(0x5d), ...Array(1999).fill(0x61), 0x2e])
    const legacy = file()
    const wrap = (object: Uint8Array) =>
      Uint8Array.from([...legacy.subarray(0, 15 + 6 + 4), ...object, ...pickle([0x5d])])
    expect(() => parsePyTorch(wrap(nested))).toThrow('nested too deep')
    const cyclic = pickle([0x5d, 0x71, 0, 0x68, 0, 0x61]) // a list that is in itself
    expect(() => parsePyTorch(wrap(cyclic))).toThrow('contains itself')
    // 40 lists of two, each twice the one before: 2^40 values in 200 bytes
    const laughs = pickle([0x5d], ...Array.from({ length: 40 }, () => [0x32, 0x86]))
    expect(() => parsePyTorch(wrap(laughs))).toThrow('at most 1000000 values')
  })
})
