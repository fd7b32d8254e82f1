import { stream } from '@dino/random'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { type Features, propagateMasks } from './index.js'
import { plainProducts, simdProducts, type WindowProducts, type WindowSize } from './window-products.js'

afterEach(() => vi.unstubAllGlobals())

const fill = (products: WindowProducts, dim: number) => {
  const draw = stream(0, 'window')
  for (const operand of [products.keys, products.queries]) {
    for (let i = 0; i < operand.length; i++) operand[i] = i % products.stride < dim ? draw.normal() : 0
  }
}

test('WebAssembly multiplies every window as it is defined, whatever its size and the width of the vectors', () => {
  const small = fc.integer({ min: 1, max: 6 })
  const windows = fc.record({
    rows: small,
    columns: small,
    more: fc.nat(3),
    dim: fc.integer({ min: 1, max: 13 }),
    at: fc.nat(3),
  })
  fc.assert(
    fc.property(windows, ({ rows, columns, more, dim, at }) => {
      const width = columns + more
      const size: WindowSize = { keys: (rows + 1) * width, dim, width, products: at + rows * columns }
      const [plain, simd] = [plainProducts(size), simdProducts(size)!]
      for (const products of [plain, simd]) {
        fill(products, dim)
        products.out.fill(7)
        products.window(more, rows, columns, at)
      }
      for (let query = 0; query < 4; query++) {
        for (let i = 0; i < at + rows * columns; i++) {
          const expected = i < at ? 7 : plain.out[query * plain.outStride + i]!
          expect(simd.out[query * simd.outStride + i]).toBeCloseTo(expected, 4)
        }
      }
    }),
  )
})

test('equal vectors have equal products, wherever they lie: ties are ties', () => {
  const size = { keys: 35, dim: 30, width: 7, products: 35 }
  const products = simdProducts(size)!
  fill(products, size.dim)
  const { keys, stride } = products
  for (let key = 1; key < size.keys; key++) keys.copyWithin(key * stride, 0, stride)
  products.window(0, 5, 7, 0)
  expect(new Set(products.out.subarray(0, 35)).size).toBe(1)
})

test('without WebAssembly masks are the same', async () => {
  const draw = stream(0, 'without')
  const [height, width, dim] = [6, 9, 10]
  const patches = height * width
  const frame = (): Features => ({
    data: Float32Array.from({ length: patches * dim }, () => draw.normal()),
    rows: patches,
    dim,
  })
  const target = frame()
  const context = [frame(), frame(), frame()].map((features) => {
    return { features, masks: Float32Array.from({ length: 2 * patches }, () => draw.uniform()) }
  })
  const expected = propagateMasks(target, context, { height, width, neighbourhood: 2 })
  vi.stubGlobal('WebAssembly', undefined)
  vi.resetModules()
  const plain = await import('./index.js')
  const actual = plain.propagateMasks(target, context, { height, width, neighbourhood: 2 })
  expect((await import('./window-products.js')).simdProducts({ keys: 1, dim, width, products: 1 })).toBeUndefined()
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 5)
})
