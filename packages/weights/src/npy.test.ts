import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type HostTensor, NpyError, parseNpy, serializeNpy } from './index.js'

/** What `numpy.save` of NumPy 2 writes for numpy.arange(6, dtype='float32').reshape(2, 3). */
const OF_NUMPY =
  'k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAg' +
  'ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA='

const arrays = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const

const tensors = fc
  .tuple(
    fc.constantFrom(...(Object.keys(arrays) as (keyof typeof arrays)[])),
    fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    fc.uint8Array({ minLength: 5000, maxLength: 5000 }),
  )
  .map(([dtype, shape, bytes]): HostTensor => {
    const count = shape.reduce((a, b) => a * b, 1)
    return { dtype, shape, data: new arrays[dtype](bytes.slice().buffer, 0, count) }
  })

const bits = ({ dtype, shape, data }: HostTensor) => {
  return { dtype, shape, bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)] }
}

test('what is written is read back bit for bit, wherever it starts in a buffer', () => {
  fc.assert(
    fc.property(tensors, fc.integer({ min: 0, max: 9 }), (tensor, shift) => {
      const bytes = serializeNpy(tensor)
      const buffer = new Uint8Array(shift + bytes.length)
      buffer.set(bytes, shift)
      expect(bits(parseNpy(buffer.subarray(shift)))).toEqual(bits(tensor))
    }),
  )
})

test('the bytes are those of numpy.save', () => {
  const tensor: HostTensor = { dtype: 'float32', shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) }
  expect(Buffer.from(serializeNpy(tensor)).toString('base64')).toBe(OF_NUMPY)
  expect(parseNpy(new Uint8Array(Buffer.from(OF_NUMPY, 'base64')))).toEqual(tensor)
})

const edited = (from: string, to: string) => {
  const text = Buffer.from(OF_NUMPY, 'base64').toString('latin1').replace(from, to)
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

test.each([
  ['Fortran order', edited('False', 'True '), "got Fortran's"],
  ['big-endian numbers', edited('<f4', '>f4'), 'got >f4'],
  ['Python objects', edited("'<f4'", "'|O' "), 'got |O'],
  ['another shape', edited('(2, 3)', '(2, 9)'), 'expected 72 bytes for <f4 of [2,9], got 24'],
  ['an endless shape', edited('(2, 3)', '(9999999999999999, 9999999999999999)'), 'bytes for <f4'],
  ['a header of something else', edited('descr', 'other'), 'expected a header with descr'],
  ['a length beyond its end', edited('v\0', '\xff\xff'), 'cut short'],
  ['a zip file', new Uint8Array(40).fill(80), 'begins with'],
  ['nothing', new Uint8Array(0), 'begins with'],
])('a file with %s is refused', (_, bytes, message) => {
  expect(() => parseNpy(bytes, { file: 'a.npy' })).toThrow(NpyError)
  expect(() => parseNpy(bytes, { file: 'a.npy' })).toThrow('parseNpy: a.npy: ')
  expect(() => parseNpy(bytes)).toThrow(message)
})

test('any bytes are read or refused', () => {
  const start = Buffer.from(OF_NUMPY, 'base64')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const bytes = new Uint8Array(start)
      for (const [at, value] of changes) bytes[at] = value
      try {
        parseNpy(bytes)
      } catch (error) {
        expect(error).toBeInstanceOf(NpyError)
      }
    }),
  )
})

test('what NumPy lacks is not written', () => {
  const data = new Uint16Array(2)
  expect(() => serializeNpy({ dtype: 'bfloat16', shape: [2], data })).toThrow('NumPy has no bfloat16')
  expect(() => serializeNpy({ dtype: 'int16', shape: [3], data })).toThrow('expected 6 bytes for int16 of [3], got 4')
})
