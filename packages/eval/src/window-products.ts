import { productsWasm } from './products-wasm.js'

/** Queries that are multiplied at a time: 8 sums and 6 operands fit the 16 registers of x86-64. */
export const QUERIES = 4

export interface WindowSize {
  /** Keys of all frames: frames · height · width. */
  keys: number
  dim: number
  /** Keys of a row of a frame. */
  width: number
  /** Products of a query at most. */
  products: number
}

/** Where {@link WindowProducts.window} finds its operands and leaves its results. */
export interface WindowProducts {
  /** Numbers from one vector to the next: `dim` and zeros up to a multiple of 4. */
  stride: number
  /** [keys, stride] */
  keys: Float32Array
  /** [4, stride] */
  queries: Float32Array
  /** [4, outStride] */
  out: Float32Array
  outStride: number
  /** Every query times every key of a window that begins at key `first`, row by row, to out[query, at …]. */
  window(first: number, rows: number, columns: number, at: number): void
}

/** In WebAssembly, where there is SIMD; float32 sums there, float64 elsewhere. Valid until the next call. */
export function windowProducts(size: WindowSize): WindowProducts {
  return simdProducts(size) ?? plainProducts(size)
}

/** The same as it is defined. */
export function plainProducts({ keys: count, dim, width, products }: WindowSize): WindowProducts {
  const { stride, outStride } = strides(dim, products)
  const keys = new Float32Array(count * stride)
  const queries = new Float32Array(QUERIES * stride)
  const out = new Float32Array(QUERIES * outStride)
  const window = (first: number, rows: number, columns: number, at: number) => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at++) {
        const key = (first + row * width + column) * stride
        for (let query = 0; query < QUERIES; query++) {
          let sum = 0
          for (let d = 0; d < dim; d++) sum += queries[query * stride + d] * keys[key + d]
          out[query * outStride + at] = sum
        }
      }
    }
  }
  return { stride, keys, queries, out, outStride, window }
}

/** What assembly/index.ts exports; pointers are byte offsets in its memory. */
interface Exports {
  memory: WebAssembly.Memory
  heapBase(): number
  // biome-ignore format: as in assembly/index.ts
  window(queries: number, keys: number, rowStride: number, rows: number, columns: number, dim: number, out: number, outStride: number): void
}

const PAGE = 65_536

/** Undefined where there is no WebAssembly, no SIMD, a policy against it, or less memory than this takes. */
export function simdProducts({ keys: count, dim, width, products }: WindowSize): WindowProducts | undefined {
  const exports = instance()
  if (!exports) return undefined
  const { stride, outStride } = strides(dim, products)
  const { memory, heapBase, window } = exports
  const queriesAt = 16 * Math.ceil(heapBase() / 16)
  const outAt = queriesAt + 4 * QUERIES * stride
  const keysAt = outAt + 4 * QUERIES * outStride
  const end = keysAt + 4 * (count + 1) * stride // the last pair of keys may read one more
  try {
    const pages = Math.ceil((end - memory.buffer.byteLength) / PAGE)
    if (pages > 0) memory.grow(pages)
  } catch {
    return undefined
  }
  return {
    stride,
    keys: new Float32Array(memory.buffer, keysAt, count * stride),
    queries: new Float32Array(memory.buffer, queriesAt, QUERIES * stride),
    out: new Float32Array(memory.buffer, outAt, QUERIES * outStride),
    outStride,
    window: (first, rows, columns, at) => {
      const key = keysAt + 4 * first * stride
      window(queriesAt, key, 4 * width * stride, rows, columns, stride, outAt + 4 * at, 4 * outStride)
    },
  }
}

/** A row of odd length writes one product too many: the longest list needs room for it. */
function strides(dim: number, products: number): { stride: number; outStride: number } {
  return { stride: 4 * Math.ceil(dim / 4), outStride: 4 * Math.ceil((products + 1) / 4) }
}

let module: WebAssembly.Module | null | undefined
/** A module's memory never shrinks: kept for the next frame, but not kept alive. */
let latest: WeakRef<Exports> | undefined

function instance(): Exports | undefined {
  const kept = latest?.deref()
  if (kept) return kept
  try {
    module ??= new WebAssembly.Module(Uint8Array.from(atob(productsWasm), (character) => character.charCodeAt(0)))
    const exports = new WebAssembly.Instance(module).exports as unknown as Exports
    latest = new WeakRef(exports)
    return exports
  } catch {
    return undefined
  }
}
