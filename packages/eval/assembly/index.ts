// Products of patches (src/window-products.ts has the same, as it is defined).

/** Where memory is free. */
export function heapBase(): usize {
  return __heap_base
}

/**
 * out[q, i] = queries[q] · keys[i] for four queries and every key i of a window, row by row. Keys are taken two at a time: of an odd
 * number of columns the last pair reads one key more and writes one value more, which the next row overwrites.
 *
 * @param queries [4, dim] float32
 * @param keys the window's first key of dim float32
 * @param rowStride bytes from one row of keys to the next
 * @param dim a multiple of 4
 * @param outStride bytes from one query's values to the next one's
 */
export function window(
  queries: usize, keys: usize, rowStride: usize, rows: i32, columns: i32, dim: usize, out: usize, outStride: usize,
): void {
  const bytes = dim << 2
  const q1 = queries + bytes
  const q2 = q1 + bytes
  const q3 = q2 + bytes
  for (let row = 0; row < rows; row++) {
    let key = keys
    let o = out
    for (let column = 0; column < columns; column += 2) {
      const next = key + bytes
      let a0 = f32x4.splat(0)
      let a1 = f32x4.splat(0)
      let a2 = f32x4.splat(0)
      let a3 = f32x4.splat(0)
      let b0 = f32x4.splat(0)
      let b1 = f32x4.splat(0)
      let b2 = f32x4.splat(0)
      let b3 = f32x4.splat(0)
      for (let d: usize = 0; d < bytes; d += 16) {
        const a = v128.load(key + d)
        const b = v128.load(next + d)
        let q = v128.load(queries + d)
        a0 = f32x4.add(a0, f32x4.mul(q, a))
        b0 = f32x4.add(b0, f32x4.mul(q, b))
        q = v128.load(q1 + d)
        a1 = f32x4.add(a1, f32x4.mul(q, a))
        b1 = f32x4.add(b1, f32x4.mul(q, b))
        q = v128.load(q2 + d)
        a2 = f32x4.add(a2, f32x4.mul(q, a))
        b2 = f32x4.add(b2, f32x4.mul(q, b))
        q = v128.load(q3 + d)
        a3 = f32x4.add(a3, f32x4.mul(q, a))
        b3 = f32x4.add(b3, f32x4.mul(q, b))
      }
      store(o, a0, b0)
      store(o + outStride, a1, b1)
      store(o + 2 * outStride, a2, b2)
      store(o + 3 * outStride, a3, b3)
      key += bytes << 1
      o += 8
    }
    keys += rowStride
    out += (<usize>columns) << 2
  }
}

/** The sums of the lanes of two vectors, one after the other. */
// @ts-ignore: decorator
@inline function store(to: usize, a: v128, b: v128): void {
  const low = v128.shuffle<f32>(a, b, 0, 1, 4, 5)
  const high = v128.shuffle<f32>(a, b, 2, 3, 6, 7)
  const pairs = f32x4.add(low, high) // a0+a2 a1+a3 b0+b2 b1+b3
  const sums = f32x4.add(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2))
  v128.store64_lane(to, v128.shuffle<f32>(sums, sums, 0, 2, 0, 2), 0)
}
