export interface Eigen {
  /** [n], the largest first. */
  values: Float64Array
  /** [n, n]: row i is the eigenvector of `values[i]`, of length 1; its entry of the largest magnitude is positive. */
  vectors: Float64Array
}

/**
 * All eigenvalues and eigenvectors of a real symmetric matrix: for PCA and whitening.
 *
 * Householder reflections to a tridiagonal matrix, then implicit QR steps with Wilkinson's shift, in float64 and in a fixed order: the
 * same matrix gives the same bits. About 9 n³ operations. Golub and Van Loan, Matrix Computations, algorithms 8.3.1 and 8.3.2.
 *
 * @param matrix [n, n], row by row
 */
export function symmetricEigen(matrix: ArrayLike<number>, n: number): Eigen {
  check(matrix, n)
  const a = Float64Array.from(matrix)
  const scale = scaleDown(a)
  const reflectors = tridiagonalize(a, n)
  const diagonal = Float64Array.from({ length: n }, (_, i) => a[i * n + i])
  const beside = Float64Array.from({ length: n }, (_, i) => (i + 1 < n ? a[i * n + i + 1] : 0))
  const rows = transposedProduct(reflectors, n)
  diagonalize(diagonal, beside, rows, n)
  return sorted(diagonal, rows, n, scale)
}

function check(matrix: ArrayLike<number>, n: number): void {
  if (!Number.isInteger(n) || n < 1 || matrix.length !== n * n) {
    throw new RangeError(`symmetricEigen: expected n * n numbers, n at least 1, got ${matrix.length} for n = ${n}.`)
  }
  let largest = 0
  for (let i = 0; i < n * n; i++) largest = Math.max(largest, Math.abs(matrix[i])) // NaN stays NaN
  if (!Number.isFinite(largest)) throw new RangeError('symmetricEigen: the matrix holds NaN or an infinity.')
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      if (Math.abs(matrix[i * n + j] - matrix[j * n + i]) > 1e-9 * largest) {
        throw new RangeError(
          `symmetricEigen: expected a symmetric matrix, got ${matrix[i * n + j]} at [${i},${j}] and ${matrix[j * n + i]} at [${j},${i}].`,
        )
      }
    }
  }
}

/** Divides by the largest magnitude, so that no square overflows or vanishes. @returns it */
function scaleDown(a: Float64Array): number {
  let largest = 0
  for (const value of a) largest = Math.max(largest, Math.abs(value))
  if (largest > 0) for (let i = 0; i < a.length; i++) a[i] /= largest
  return largest
}

/** A reflection x - v (v·x) · 2 / |v|² of the entries from `first` on. */
interface Reflector {
  first: number
  v: Float64Array
  factor: number
}

/** Makes `a` tridiagonal in place by reflections from both sides. */
function tridiagonalize(a: Float64Array, n: number): Reflector[] {
  const reflectors: Reflector[] = []
  const p = new Float64Array(n)
  for (let k = 0; k < n - 2; k++) {
    const first = k + 1
    const m = n - first
    const v = a.slice(k * n + first, k * n + n) // row k right of the diagonal
    const length = lengthOf(v)
    const target = v[0] > 0 ? -length : length // away from v[0]: no cancellation
    v[0] -= target
    let square = 0
    for (let i = 0; i < m; i++) square += v[i] * v[i]
    const factor = square > 0 ? 2 / square : 0
    reflectors.push({ first, v, factor })
    for (let i = 0; i < m; i++) a[k * n + first + i] = a[(first + i) * n + k] = i === 0 ? target : 0
    if (factor === 0) continue

    // A - v wᵀ - w vᵀ with p = factor · A v, w = p - v · factor · (p·v) / 2
    let along = 0
    for (let i = 0; i < m; i++) {
      const row = (first + i) * n + first
      let sum = 0
      for (let j = 0; j < m; j++) sum += a[row + j] * v[j]
      p[i] = factor * sum
      along += p[i] * v[i]
    }
    for (let i = 0; i < m; i++) p[i] -= 0.5 * factor * along * v[i]
    for (let i = 0; i < m; i++) {
      const row = (first + i) * n + first
      const [vi, wi] = [v[i], p[i]]
      for (let j = 0; j < m; j++) a[row + j] -= vi * p[j] + wi * v[j]
    }
  }
  return reflectors
}

function lengthOf(v: Float64Array): number {
  let sum = 0
  for (const x of v) sum += x * x
  return Math.sqrt(sum)
}

/** The transpose of the product of the reflections: its rows become the eigenvectors. */
function transposedProduct(reflectors: readonly Reflector[], n: number): Float64Array {
  const rows = new Float64Array(n * n)
  for (let i = 0; i < n; i++) rows[i * n + i] = 1
  for (const { first, v, factor } of [...reflectors].reverse()) {
    // From the last on, only rows and columns from `first` differ from the identity.
    for (let i = first; i < n; i++) {
      const row = i * n + first
      let sum = 0
      for (let j = 0; j < v.length; j++) sum += rows[row + j] * v[j]
      sum *= factor
      for (let j = 0; j < v.length; j++) rows[row + j] -= sum * v[j]
    }
  }
  return rows
}

/** Implicit QR steps on a tridiagonal matrix until nothing is left beside its diagonal; each rotation turns two rows of `rows`. */
function diagonalize(d: Float64Array, e: Float64Array, rows: Float64Array, n: number): void {
  const negligible = (i: number) => Math.abs(e[i]) <= Number.EPSILON * (Math.abs(d[i]) + Math.abs(d[i + 1]))
  let end = n - 1
  for (let steps = 0; end > 0; ) {
    if (negligible(end - 1)) {
      e[end - 1] = 0
      end--
      steps = 0
      continue
    }
    if (++steps > 100) throw new Error('symmetricEigen: no convergence in 100 steps. Are its numbers of any meaning?')
    let begin = end - 1
    while (begin > 0 && !negligible(begin - 1)) begin--
    step(d, e, begin, end, rows, n)
  }
}

/** One step on the part from `begin` to `end`: a rotation, and the bulge that it makes chased out at the end. */
function step(d: Float64Array, e: Float64Array, begin: number, end: number, rows: Float64Array, n: number): void {
  const half = (d[end - 1] - d[end]) / 2
  const last = e[end - 1]
  const shift = d[end] - (last * last) / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last))
  let x = d[begin] - shift
  let z = e[begin]
  for (let k = begin; k < end; k++) {
    const r = Math.hypot(x, z)
    const c = r === 0 ? 1 : x / r
    const s = r === 0 ? 0 : z / r
    if (k > begin) e[k - 1] = r
    const [dk, ek, next] = [d[k], e[k], d[k + 1]]
    d[k] = c * c * dk + 2 * c * s * ek + s * s * next
    d[k + 1] = s * s * dk - 2 * c * s * ek + c * c * next
    e[k] = c * s * (next - dk) + (c * c - s * s) * ek
    x = e[k]
    if (k + 1 < end) {
      z = s * e[k + 1]
      e[k + 1] *= c
    }
    const above = k * n
    for (let i = above; i < above + n; i++) {
      const [p, q] = [rows[i], rows[i + n]]
      rows[i] = c * p + s * q
      rows[i + n] = c * q - s * p
    }
  }
}

function sorted(values: Float64Array, rows: Float64Array, n: number, scale: number): Eigen {
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => values[j] - values[i] || i - j)
  const vectors = new Float64Array(n * n)
  order.forEach((from, to) => {
    const row = rows.subarray(from * n, (from + 1) * n)
    let largest = 0
    for (const x of row) if (Math.abs(x) > Math.abs(largest)) largest = x
    const sign = largest < 0 ? -1 : 1
    for (let i = 0; i < n; i++) vectors[to * n + i] = sign * row[i]
  })
  return { values: Float64Array.from(order, (i) => values[i] * scale), vectors }
}
