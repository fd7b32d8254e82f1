/** Feature vectors as rows of one array: row i is `data[i * dim]` up to `data[(i + 1) * dim]`. */
export interface Features {
  /** [rows, dim] */
  data: Float32Array
  rows: number
  dim: number
}

/** Norms below this count as this: a zero vector stays zero (PyTorch's `F.normalize`). */
const EPSILON = 1e-12

/**
 * Each row divided by its Euclidean length, in a new array.
 *
 * A zero row stays zero. A row that holds NaN or an infinity is refused: it would be no neighbour of anything, in silence.
 *
 * @returns [rows, dim]
 */
export function normalize(features: Features): Features {
  checkFeatures('normalize', 'features', features)
  const { data, rows, dim } = features
  const out = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    const scale = 1 / rowLength('normalize', features, row)
    for (let d = row * dim; d < (row + 1) * dim; d++) out[d] = data[d] * scale
  }
  return { data: out, rows, dim }
}

/** Euclidean length of a row, at least 1e-12; throws where it is not finite. */
export function rowLength(where: string, { data, dim }: Features, row: number): number {
  let sum = 0
  for (let d = row * dim; d < (row + 1) * dim; d++) sum += data[d] * data[d]
  if (!Number.isFinite(sum)) {
    throw new RangeError(`${where}: row ${row} holds NaN or an infinity. Did the model that made it diverge?`)
  }
  return Math.max(Math.sqrt(sum), EPSILON)
}

export function checkFeatures(where: string, name: string, { data, rows, dim }: Features): void {
  if (!Number.isInteger(rows) || !Number.isInteger(dim) || rows < 0 || dim < 1 || data.length !== rows * dim) {
    throw new RangeError(
      `${where}: expected ${name}.data to hold rows * dim numbers, got ${data.length} for [${rows}, ${dim}]. ` +
        'Pass { data, rows, dim } with one row per image.',
    )
  }
}
