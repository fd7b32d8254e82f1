import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Dtype, type HostTensor, parseSafetensors, SafetensorsError, serializeSafetensors } from './index.js'

const arrays: Record<Dtype, { size: number; make: (buffer: ArrayBuffer) => ArrayBufferView }> = {
  float64: { size: 8, make: (buffer) => new Float64Array(buffer) },
  float32: { size: 4, make: (buffer) => new Float32Array(buffer) },
  float16: { size: 2, make: (buffer) => new Uint16Array(buffer) },
  bfloat16: { size: 2, make: (buffer) => new Uint16Array(buffer) },
  int64: { size: 8, make: (buffer) => new BigInt64Array(buffer) },
  int32: { size: 4, make: (buffer) => new Int32Array(buffer) },
  int16: { size: 2, make: (buffer) => new Int16Array(buffer) },
  int8: { size: 1, make: (buffer) => new Int8Array(buffer) },
  uint8: { size: 1, make: (buffer) => new Uint8Array(buffer) },
  bool: { size: 1, make: (buffer) => new Uint8Array(buffer) },
}

const tensor = fc
  .tuple(
    fc.constantFrom(...(Object.keys(arrays) as Dtype[])),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    fc.uint8Array({ minLength: 512, maxLength: 512 }),
  )
  .map(([dtype, shape, bytes]): HostTensor => {
    const length = shape.reduce((a, b) => a * b, arrays[dtype].size)
    const data = arrays[dtype].make(bytes.buffer.slice(0, length) as ArrayBuffer)
    return { dtype, shape, data }
  })
const names = fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__')
const files = fc.tuple(
  fc.dictionary(names, tensor, { maxKeys: 8 }),
  fc.dictionary(names, fc.string({ unit: 'grapheme' })),
)

/** Bits, not values: a NaN must come back as the same NaN. */
function bits({ dtype, shape, data }: HostTensor) {
  const bytes = [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]
  return { dtype, shape, array: data.constructor.name, bytes }
}

test('what is written is read back bit for bit, whatever the names, dtypes, shapes and values', () => {
  fc.assert(
    fc.property(files, ([tensors, metadata]) => {
      const back = parseSafetensors(serializeSafetensors(tensors, metadata))
      expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(tensors).sort())
      for (const [name, t] of Object.entries(tensors)) expect(bits(back.tensors[name]!)).toEqual(bits(t))
      expect(Object.entries(back.metadata).sort()).toEqual(Object.entries(metadata).sort())
    }),
  )
})

test('the bytes do not depend on the order in which the tensors were named', () => {
  fc.assert(
    fc.property(files, ([tensors, metadata]) => {
      const reversed = Object.fromEntries(Object.entries(tensors).reverse())
      expect(serializeSafetensors(reversed, metadata)).toEqual(serializeSafetensors(tensors, metadata))
    }),
  )
})

test('a file that starts anywhere in a buffer is read the same: unaligned tensors are copied, aligned ones viewed', () => {
  fc.assert(
    fc.property(files, fc.integer({ min: 0, max: 9 }), ([tensors], shift) => {
      const bytes = serializeSafetensors(tensors)
      for (const buffer of [new Uint8Array(shift + bytes.length), Buffer.from(new ArrayBuffer(shift + bytes.length))]) {
        buffer.set(bytes, shift)
        const back = parseSafetensors(buffer.subarray(shift)).tensors
        for (const [name, t] of Object.entries(tensors)) {
          expect(bits(back[name]!)).toEqual(bits(t))
          if (shift % 8 === 0) expect(back[name]!.data.buffer).toBe(buffer.buffer)
        }
      }
    }),
  )
})

test('damaged bytes give tensors or a SafetensorsError, never another error', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 })
  fc.assert(
    fc.property(files, damage, fc.nat(), fc.boolean(), ([tensors, metadata], changes, length, cut) => {
      let bytes = serializeSafetensors(tensors, metadata)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      if (cut) bytes = bytes.slice(0, length % bytes.length)
      expectTensorsOrRefusal(bytes)
    }),
    { numRuns: 2000 },
  )
})

test('any JSON for a header gives tensors or a SafetensorsError, never another error', () => {
  const sizes = fc.array(fc.oneof(fc.nat(9), fc.double(), fc.maxSafeInteger(), fc.string()), { maxLength: 3 })
  const entry = fc.record(
    { dtype: fc.constantFrom('F32', 'U8', 'F8', 3), shape: sizes, data_offsets: sizes },
    { requiredKeys: [] },
  )
  const headers = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())))
  fc.assert(
    fc.property(headers, fc.uint8Array({ maxLength: 40 }), (header, data) => {
      expectTensorsOrRefusal(file(JSON.stringify(header), data))
    }),
    { numRuns: 1000 },
  )
})

test('bytes that are no safetensors file are refused, most likely with the reason', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => expectTensorsOrRefusal(bytes)))
})

const refusals: [string, Uint8Array, string][] = [
  ['nothing', new Uint8Array(0), 'expected at least 8 bytes, got 0'],
  ['a zip file (.pth)', new TextEncoder().encode('PK\u0003\u0004 archive/data.pkl'), 'is it a .pth'],
  ['a header longer than the file', file('{}').subarray(0, 9), 'cut short'],
  ['a header that is no JSON', file('{"w":'), 'not JSON'],
  ['a header that is no UTF-8', file(Uint8Array.of(0x7b, 0xff, 0x7d)), 'not JSON'],
  ['a header that is a list', file('[]'), 'JSON object'],
  ['metadata that is no text', file('{"__metadata__":{"epoch":3}}'), 'names to strings'],
  ['a tensor that is no object', file('{"w":3}'), 'tensor "w": expected an object'],
  [
    'a tensor named twice',
    file(`{${entryOf('w', 'U8', [1], [0, 1])},${entryOf('w', 'U8', [1], [0, 1])}}`, 1),
    '"w" twice',
  ],
  ['a field named twice', file('{"w":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'), '"dtype" twice'],
  [
    'an escaped name twice',
    file(
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    ),
    '"w" twice',
  ],
  ['an unknown dtype', file(`{${entryOf('w', 'F8_E4M3', [1], [0, 1])}}`, 1), 'got "F8_E4M3"'],
  ['a negative size', file(`{${entryOf('w', 'U8', [-1], [0, 1])}}`, 1), 'got [-1]'],
  ['a size that overflows', file(`{${entryOf('w', 'F32', [2 ** 52, 2 ** 52], [0, 4])}}`, 4), 'got 4 (offsets [0,4])'],
  [
    'offsets that do not fit the shape',
    file(`{${entryOf('w', 'F32', [2], [0, 4])}}`, 4),
    'expected 8 bytes for F32 of shape [2], got 4',
  ],
  ['offsets backwards', file(`{${entryOf('w', 'U8', [1], [1, 0])}}`, 1), 'expected 1 bytes'],
  ['offsets beyond the data', file(`{${entryOf('w', 'U8', [9], [0, 9])}}`, 8), 'expected bytes 0 to 9, got 8 bytes'],
  [
    'an overlap',
    file(`{${entryOf('a', 'U8', [2], [0, 2])},${entryOf('b', 'U8', [2], [1, 3])}}`, 3),
    'tensor "b": expected it to begin at byte 2, got 1: it overlaps',
  ],
  ['a hole', file(`{${entryOf('a', 'U8', [1], [0, 1])},${entryOf('b', 'U8', [1], [2, 3])}}`, 3), 'leaves a hole'],
  [
    'something after the last tensor',
    file(`{${entryOf('a', 'U8', [1], [0, 1])}}`, 3),
    'expected 1 bytes of data, got 3',
  ],
]

test.each(refusals)('%s is refused', (_, bytes, message) => {
  expect(() => parseSafetensors(bytes)).toThrow(message)
  expect(() => parseSafetensors(bytes)).toThrow(SafetensorsError)
})

test('an error names the file and the tensor', () => {
  try {
    parseSafetensors(file(`{${entryOf('blocks.0.w', 'F32', [2], [0, 4])}}`, 4), { file: 'runs/a/student.safetensors' })
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({ file: 'runs/a/student.safetensors', tensor: 'blocks.0.w', name: 'SafetensorsError' })
    expect((error as Error).message).toContain('runs/a/student.safetensors: tensor "blocks.0.w"')
  }
})

test('tensors are viewed in place at any header length, and names such as __proto__ are only names', () => {
  const data = Float32Array.of(1, 2)
  const tensors = JSON.parse('{"__proto__":null}') as Record<string, HostTensor>
  Object.defineProperty(tensors, '__proto__', { value: { dtype: 'float32', shape: [2], data } })
  const back = parseSafetensors(serializeSafetensors(tensors)).tensors
  expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
  expect(Object.getOwnPropertyDescriptor(back, '__proto__')?.value).toMatchObject({ shape: [2], data })
})

test.each([
  ['a name that the format takes', { __metadata__: { dtype: 'uint8', shape: [1], data: new Uint8Array(1) } }, 'taken'],
  [
    'data of another type',
    { w: { dtype: 'float32', shape: [1], data: new Int32Array(1) } },
    'expected Float32Array for float32, got Int32Array',
  ],
  [
    'data of another length',
    { w: { dtype: 'float32', shape: [2], data: new Float32Array(1) } },
    'expected 8 bytes for float32 of shape [2], got 4',
  ],
  [
    'a dtype that does not exist',
    { w: { dtype: 'complex64', shape: [1], data: new Float32Array(2) } },
    'got complex64',
  ],
  ['a shape that is none', { w: { dtype: 'uint8', shape: [0.5], data: new Uint8Array(0) } }, 'got [0.5]'],
])('%s is not written', (_, tensors, message) => {
  expect(() => serializeSafetensors(tensors as unknown as Record<string, HostTensor>)).toThrow(message)
})

test('metadata that is no text is not written', () => {
  expect(() => serializeSafetensors({}, { epoch: 3 } as unknown as Record<string, string>)).toThrow('"epoch"')
})

function expectTensorsOrRefusal(bytes: Uint8Array): void {
  try {
    parseSafetensors(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(SafetensorsError)
  }
}

function file(header: string | Uint8Array, data: Uint8Array | number = 0): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header
  const body = typeof data === 'number' ? new Uint8Array(data) : data
  const bytes = new Uint8Array(8 + text.length + body.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(body, 8 + text.length)
  return bytes
}

function entryOf(name: string, dtype: string, shape: number[], offsets: number[]): string {
  return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets })}`
}
