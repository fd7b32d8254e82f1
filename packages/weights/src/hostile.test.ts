import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  PickleError,
  PickleObject,
  parsePickle,
  parsePyTorch,
  parseSafetensors,
  SafetensorsError,
  serializeSafetensors,
} from './index.js'

// Files that someone made to harm: what is not in the format's own tests. None of them may run anything, take more memory than a few times
// its own size, or end in another error than the package's.

const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0))
const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24]
const text = (value: string) => [0x58, ...u32(value.length), ...ascii(value)]
const pickle = (...parts: (number[] | Uint8Array)[]) => {
  const bytes = new Uint8Array(3 + parts.reduce((sum, { length }) => sum + length, 0))
  bytes.set([0x80, 4])
  let at = 2
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  bytes[at] = 0x2e
  return bytes
}
const repeat = (times: number, part: number[]) =>
  Uint8Array.from({ length: times * part.length }, (_, i) => part[i % part.length]!)

/** How a pickle names something: in a line, or through the stack. */
const naming: ((module: string, name: string) => number[])[] = [
  (module, name) => [0x63, ...ascii(`${module}\n${name}\n`)],
  (module, name) => [...text(module), ...text(name), 0x93],
]
/** How it calls what it named: REDUCE, NEWOBJ, NEWOBJ_EX, REDUCE and BUILD, or not at all. */
const calling = [[0x29, 0x52], [0x29, 0x81], [0x29, 0x7d, 0x92], [0x29, 0x52, 0x7d, 0x62], []]

const word = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,11}$/)
const dangerous = fc.constantFrom(
  ...([
    'os.system',
    'posix.system',
    'nt.system',
    'subprocess.Popen',
    'builtins.eval',
    'builtins.exec',
    'builtins.getattr',
    'builtins.open',
  ] as const),
  ...([
    'builtins.__import__',
    '__builtin__.compile',
    'builtins.type',
    'copyreg.__newobj__',
    'operator.attrgetter',
    'functools.partial',
  ] as const),
  ...([
    'torch.load',
    'torch.hub.load',
    'torch.jit.load',
    'torch._utils._rebuild_qtensor',
    'numpy.load',
    'numpy.fromfile',
    'codecs.decode',
  ] as const),
  ...([
    'runpy.run_path',
    'webbrowser.open',
    'shutil.rmtree',
    'socket.socket',
    'pathlib.os.system',
    'collections.abc.eval',
  ] as const),
)
const elsewhere = fc
  .tuple(word, fc.array(word, { minLength: 1, maxLength: 3 }))
  .map(([first, rest]) => `evil_${first}.${rest.join('.')}`)

describe('a pickle', () => {
  test('that names any other callable, in whatever way, is refused by that name; kept, it is data', () => {
    fc.assert(
      fc.property(
        fc.oneof(dangerous, elsewhere),
        fc.constantFrom(...naming),
        fc.constantFrom(...calling),
        (path, name, call) => {
          const at = path.lastIndexOf('.')
          const bytes = pickle(name(path.slice(0, at), path.slice(at + 1)), call)
          expect(() => parsePickle(bytes)).toThrow(
            `it names the Python object ${path}, which is no data. Nothing was run.`,
          )
          const kept = parsePickle(bytes, { keepUnknown: true })
          expect(kept instanceof PickleObject ? kept.type : kept).toBe(path)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('of any operations is data or a PickleError', () => {
    const globals = [
      'collections\nOrderedDict',
      'builtins\nlist',
      'numpy\nndarray',
      'numpy\ndtype',
      '_codecs\nencode',
      'numpy.core.multiarray\nscalar',
    ]
    const operation = fc.oneof(
      fc.constantFrom(...globals).map((path) => [0x63, ...ascii(`${path}\n`)]),
      fc.constantFrom(text('latin1'), text('f4'), [0x4b, 3], [0x43, 4, 1, 2, 3, 4]),
      fc.constantFrom(...[...'()]}.0123aesbuRtl2'].map((character) => [character.charCodeAt(0)])),
      fc
        .constantFrom([0x85], [0x86], [0x87], [0x81], [0x92], [0x94], [0x68, 0], [0x68, 1], [0x8f], [0x90], [0x91])
        .map((code) => [...code]),
    )
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        try {
          parsePickle(pickle(...operations))
        } catch (error) {
          expect(error).toBeInstanceOf(PickleError)
        }
      }),
      { numRuns: 3000 },
    )
  })

  const many = 100_000
  const list = [0x5d, 0x71, 1, 0x28, ...Array(many).fill(0x4e), 0x65]
  const bytes = [0x42, ...u32(many), ...new Uint8Array(many), 0x71, 1]
  const stringOf = (length: number) => [0x54, ...u32(length), ...new Uint8Array(length), 0x71, 1]
  const named = (path: string) => [0x63, ...ascii(`${path}\n`), 0x71, 0]
  test.each<[string, number[], number[]]>([
    ['a list', [...named('builtins\nlist'), ...list], [0x68, 0, 0x68, 1, 0x85, 0x52]],
    ['a set', [...named('builtins\nfrozenset'), ...list], [0x68, 0, 0x68, 1, 0x85, 0x52]],
    [
      'bytes',
      [...named('_codecs\nencode'), ...stringOf(many), ...text('latin1'), 0x71, 2],
      [0x68, 0, 0x68, 1, 0x68, 2, 0x86, 0x52],
    ],
    [
      'an array',
      [...named('numpy\nndarray'), ...bytes, 0x63, ...ascii('numpy\ndtype\n'), ...text('u1'), 0x85, 0x52, 0x71, 2],
      [0x68, 0, 0x29, 0x52, 0x28, 0x4b, 1, 0x4a, ...u32(many), 0x85, 0x68, 2, 0x89, 0x68, 1, 0x74, 0x62],
    ],
  ])('that copies %s again and again is refused before memory is gone', (_, once, again) => {
    expect(parsePickle(pickle([0x28], once, again, [0x74]))).toBeDefined() // a copy is fine
    expect(() => parsePickle(pickle(once, repeat(20_000, again)))).toThrow('copies the same values again and again')
  })

  test.each<[string, string, string]>([
    ['plain', `S'a b'`, 'a b'],
    ['of Python 2', `S"it's \\x41\\n\\\\\\'\\xzz"`, `it's A\n\\'xzz`],
    ['of Unicode', 'V\\u00e9\\U0001F600\\u12\\n', '\u00e9\u{1F600}\\u12\\n'],
    ['beyond Unicode', 'V\\U00110000', '\\U00110000'],
  ])('holds text %s of protocol 0', (_, line, value) => {
    expect(parsePickle(pickle(ascii(`${line}\n`)))).toBe(value)
  })

  test('may hold text of Python 2 of any length', () => {
    const length = 300_000
    const value = parsePickle(
      pickle(
        [0x54, ...u32(length)],
        Uint8Array.from({ length }, (_, i) => i % 256),
      ),
    ) as string
    expect(value).toHaveLength(length)
    expect([...value.slice(0, 256)].map((character) => character.charCodeAt(0))).toEqual([...Array(256).keys()])
  })
})

describe('a file of PyTorch', () => {
  const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
  const legacy = (system: number[], ...object: (number[] | Uint8Array)[]) =>
    Buffer.concat([Uint8Array.from(magic), pickle([0x4d, 0xe9, 3]), pickle(system), pickle(...object), pickle([0x5d])])

  test('of a big-endian machine is refused, in either format', () => {
    const system = [0x7d, ...text('little_endian'), 0x89, 0x73]
    expect(() => parsePyTorch(legacy(system, [0x7d]))).toThrow('big-endian')
    expect(() => parsePyTorch(stored({ 'a/data.pkl': pickle([0x7d]), 'a/byteorder': Buffer.from('big') }))).toThrow(
      'big-endian',
    )
  })

  test('whose tensors look at the same bytes again and again is refused', () => {
    const n = 1000
    const tensor = [
      ...[0x63, ...ascii('torch._utils\n_rebuild_tensor_v2\n'), 0x28],
      ...[0x28, ...text('storage'), 0x63, ...ascii('torch\nFloatStorage\n'), ...text('0'), ...text('cpu')],
      ...[0x4a, ...u32(n), 0x74, 0x51, 0x4b, 0, 0x4a, ...u32(n), 0x85, 0x4b, 1, 0x85, 0x89, 0x4e, 0x74, 0x52],
    ]
    const file = (times: number) => {
      return stored({
        'a/data.pkl': pickle([0x5d, 0x28], repeat(times, tensor), [0x65]),
        'a/data/0': new Uint8Array(4 * n),
      })
    }
    expect(Object.keys(parsePyTorch(file(3)).tensors)).toEqual(['0', '1', '2'])
    expect(() => parsePyTorch(file(5000))).toThrow('copies the same values again and again')
  })
})

describe('a safetensors file', () => {
  const lists = (length: number) => Uint8Array.from({ length }, (_, i) => (i < length / 2 ? 0x5b : 0x5d))
  test.each<[string, Uint8Array, string]>([
    ['of open brackets', new Uint8Array(1_000_000).fill(0x5b), 'lists in lists'],
    ['of nested lists', lists(1_000_000), 'lists in lists'],
    ['of millions of sizes', Buffer.from(`{"w":{"shape":[${'1,'.repeat(3_000_000)}1]}}`), 'at most 3000000 values'],
  ])('with a header %s is refused before it is parsed', (_, header, message) => {
    expect(() => parseSafetensors(framed(header))).toThrow(message)
  })

  test('with a long name, type or shape is refused in a short message', () => {
    const long = 'x'.repeat(1_000_000)
    const shape = `[${'1,'.repeat(100_000)}2]`
    for (const header of [
      `{"${long}":3}`,
      `{"${long}":{},"${long}":{}}`,
      `{"w":{"dtype":"${long}","shape":[],"data_offsets":[0,0]}}`,
      `{"w":{"dtype":"U8","shape":${shape},"data_offsets":[0,0]}}`,
    ]) {
      const read = () => parseSafetensors(framed(Buffer.from(header)))
      expect(read).toThrow(SafetensorsError)
      expect(read).toThrow(/^.{0,600}$/)
    }
  })

  test('may hold metadata of megabytes, quotes and backslashes included', () => {
    const metadata = { args: 'a "b" \\ {[,:'.repeat(1_000_000), other: '\\' }
    expect(parseSafetensors(serializeSafetensors({}, metadata)).metadata).toEqual(metadata)
  })

  test('with its length the wrong way round is refused', () => {
    const bytes = framed(Buffer.from('{}'))
    expect(() => parseSafetensors(Uint8Array.from([...bytes.subarray(0, 8).reverse(), 0x7b, 0x7d]))).toThrow(
      'header of at most',
    )
  })

  test('one of whose tensors begins or ends elsewhere is refused', () => {
    const layout = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 6 })
    const shift = fc.integer({ min: -60, max: 60 }).filter((by) => by !== 0)
    fc.assert(
      fc.property(layout, fc.nat(), fc.constantFrom('begin', 'end', 'both'), shift, (sizes, which, edge, by) => {
        let at = 0
        const entries = sizes.map((size, i) => {
          const moved = i === which % sizes.length
          const begin = at + (moved && edge !== 'end' ? by : 0)
          at += size
          return [
            `t${i}`,
            { dtype: 'U8', shape: [size], data_offsets: [begin, at + (moved && edge !== 'begin' ? by : 0)] },
          ]
        })
        const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
        expect(() => parseSafetensors(Buffer.concat([framed(header), new Uint8Array(at)]))).toThrow(SafetensorsError)
      }),
      { numRuns: 500 },
    )
  })
})

function framed(header: Uint8Array): Uint8Array {
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true)
  return Buffer.concat([length, header])
}

/** A zip archive that compresses nothing. */
function stored(files: Record<string, Uint8Array>): Uint8Array {
  const u16 = (value: number) => [value & 255, value >> 8]
  const parts: Uint8Array[] = []
  const list: Uint8Array[] = []
  let at = 0
  for (const [name, data] of Object.entries(files)) {
    const sizes = [...u32(data.length), ...u32(data.length)]
    const local = [...u32(0x04034b50), ...Array(14).fill(0), ...sizes, ...u16(name.length), 0, 0, ...ascii(name)]
    const entry = [...u32(0x02014b50), ...Array(16).fill(0), ...sizes, ...u16(name.length), ...Array(12).fill(0)]
    list.push(Uint8Array.from([...entry, ...u32(at), ...ascii(name)]))
    parts.push(Uint8Array.from(local), data)
    at += local.length + data.length
  }
  const length = list.reduce((sum, { length }) => sum + length, 0)
  const count = u16(list.length)
  const end = [...u32(0x06054b50), 0, 0, 0, 0, ...count, ...count, ...u32(length), ...u32(at), 0, 0]
  return Buffer.concat([...parts, ...list, Uint8Array.from(end)])
}
