import { checkFeatures, type Features } from './features.js'

/**
 * Features whose parts lie one after the other, [a0 a1 … b0 b1 …], in the order of the official linear weights for average-pooled
 * features: [a0 b0 a1 b1 …].
 *
 * Reference: `eval_linear.py`, which stacks [CLS] and the mean patch along a last axis and then flattens.
 *
 * @param features [rows, parts · width]; also the rows of a classifier's weights
 * @returns [rows, parts · width], in a new array
 */
export function interleave(features: Features, parts = 2): Features {
  const width = partWidth('interleave', features, parts)
  return reordered(features, (column) => (column % parts) * width + Math.floor(column / parts))
}

/** The way back: parts that take turns, one after the other. */
export function deinterleave(features: Features, parts = 2): Features {
  const width = partWidth('deinterleave', features, parts)
  return reordered(features, (column) => (column % width) * parts + Math.floor(column / width))
}

/** @param from the old place of the number that comes to a column */
function reordered({ data, rows, dim }: Features, from: (column: number) => number): Features {
  const order = Int32Array.from({ length: dim }, (_, column) => from(column))
  const out = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < dim; column++) out[row * dim + column] = data[row * dim + order[column]]
  }
  return { data: out, rows, dim }
}

function partWidth(where: string, features: Features, parts: number): number {
  checkFeatures(where, 'features', features)
  if (!Number.isInteger(parts) || parts < 1 || features.dim % parts !== 0) {
    throw new RangeError(
      `${where}: expected parts to divide the ${features.dim} numbers of a row, got ${parts}. Of how many parts are they?`,
    )
  }
  return features.dim / parts
}
