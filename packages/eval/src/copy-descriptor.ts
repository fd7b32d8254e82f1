import type { Features } from './features.js'

export interface Tokens {
  /** [images, tokens, dim]; token 0 is [CLS]. */
  data: Float32Array
  images: number
  tokens: number
  dim: number
}

export interface CopyDescriptorOptions {
  /** Exponent of the generalised mean. Default 4. */
  p?: number
  /** What a value counts as at least, so that a root exists. Default 1e-6. */
  eps?: number
}

/**
 * What copy detection compares: [CLS] followed by the generalised mean (GeM) of the patch tokens, (mean of max(x, eps)^p)^(1/p).
 *
 * Caron et al. 2021, section 4.2.1. Reference: `eval_copy_detection.py` (METHOD.md, 1.17).
 *
 * @param tokens outputs of the last block after the final norm
 * @returns [images, 2 · dim], not normalised
 */
export function copyDescriptor(
  { data, images, tokens, dim }: Tokens,
  { p = 4, eps = 1e-6 }: CopyDescriptorOptions = {},
): Features {
  if (data.length !== images * tokens * dim || tokens < 2) {
    throw new RangeError(
      `copyDescriptor: expected images * tokens * dim numbers and a patch beside [CLS], got ${data.length} for [${images}, ${tokens}, ${dim}].`,
    )
  }
  if (!(p > 0) || !(eps > 0)) throw new RangeError(`copyDescriptor: expected p and eps above 0, got ${p} and ${eps}.`)
  const out = new Float32Array(images * 2 * dim)
  const sums = new Float64Array(dim)
  for (let image = 0; image < images; image++) {
    const from = image * tokens * dim
    sums.fill(0)
    for (let i = dim; i < tokens * dim; i++) sums[i % dim] += Math.max(data[from + i], eps) ** p
    out.set(data.subarray(from, from + dim), image * 2 * dim)
    for (let d = 0; d < dim; d++) out[(image * 2 + 1) * dim + d] = (sums[d] / (tokens - 1)) ** (1 / p)
  }
  return { data: out, rows: images, dim: 2 * dim }
}
