import { addMoments, createMoments, type PrincipalComponents, principalComponents } from '@dino/eval'
import { SafetensorsError } from '@dino/weights'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import { Failure } from '../report/io.js'

/** How patch features become colours: red, green and blue are the first three principal components. */
export interface PcaBasis {
  /** A hash of the weights whose features these are. */
  weights: string
  /** [D] */
  mean: Float64Array
  /** [3, D] */
  components: Float64Array
  /** [3] standard deviations along them. */
  deviations: Float64Array
  /** Where only what is in front is coloured: patches above 0 along `direction`, from `mean`, are. Both [D]. */
  foreground?: { mean: Float64Array; direction: Float64Array }
}

/** Patch features of an image. */
export interface PatchTokens {
  /** [rows * columns, D] */
  data: Float32Array
  rows: number
  columns: number
}

/** Calls `visit` for each image, the same ones in the same order every time. */
export type EachImage = (visit: (tokens: PatchTokens) => void) => Promise<void>

export interface FittedBasis {
  basis: PcaBasis
  /** Share of the variance of the coloured patches along each component. */
  explained: number[]
}

/**
 * Fits a basis over all patches of all images.
 *
 * With `foreground` as DINOv2 does: the first component of all patches tells front from back, the components of the front alone make the
 * colours. An eigenvector has no sign; the back is the side of the patches at the images' edges.
 *
 * @throws Failure if no patch is in front
 */
export async function fitBasis(
  each: EachImage,
  dim: number,
  weights: string,
  foreground: boolean,
): Promise<FittedBasis> {
  const all = createMoments(dim)
  const edge = { sums: new Float64Array(dim), patches: 0 }
  await each((tokens) => {
    addMoments(all, { data: tokens.data, rows: tokens.rows * tokens.columns, dim })
    addEdge(edge, tokens, dim)
  })
  const first = principalComponents(all, 3)
  if (!foreground) return fitted(first, weights)
  let outwards = 0
  for (let d = 0; d < dim; d++) outwards += (edge.sums[d]! / edge.patches - first.mean[d]!) * first.components[d]!
  const direction = first.components.slice(0, dim).map((value) => (outwards > 0 ? -value : value))
  const front = { mean: first.mean, direction }
  const chosen = createMoments(dim)
  await each((tokens) => {
    const inside = inFront(tokens, front)
    addMoments(chosen, { data: tokens.data, rows: inside.length, dim }, (row) => inside[row] === 1)
  })
  if (chosen.rows === 0) throw new Failure('--foreground: no patch is in front of the others. Leave it out.')
  return fitted(principalComponents(chosen, 3), weights, front)
}

function fitted(
  { mean, components, variances, total }: PrincipalComponents,
  weights: string,
  foreground?: PcaBasis['foreground'],
): FittedBasis {
  const explained = Array.from(variances, (variance) => (total > 0 ? variance / total : 0))
  return { basis: { weights, mean, components, deviations: variances.map(Math.sqrt), foreground }, explained }
}

function addEdge(
  edge: { sums: Float64Array; patches: number },
  { data, rows, columns }: PatchTokens,
  dim: number,
): void {
  for (let patch = 0; patch < rows * columns; patch++) {
    const [y, x] = [Math.floor(patch / columns), patch % columns]
    if (y > 0 && y < rows - 1 && x > 0 && x < columns - 1) continue
    edge.patches++
    for (let d = 0; d < dim; d++) edge.sums[d]! += data[patch * dim + d]!
  }
}

/** Which patches are in front, [rows * columns] of 0 and 1. */
export function inFront(
  { data, rows, columns }: PatchTokens,
  { mean, direction }: NonNullable<PcaBasis['foreground']>,
) {
  const dim = mean.length
  return Uint8Array.from({ length: rows * columns }, (_, patch) =>
    Number(along(data, patch * dim, mean, direction, 0) > 0),
  )
}

/** Standard deviations from black to full in a colour: what is farther out is cut. */
const RANGE = 5

/** Red, green and blue of each patch, [rows * columns, 3] of 0 to 255: its mean gray, what is not in front black. */
export function patchColours(
  tokens: PatchTokens,
  { mean, components, deviations, foreground }: PcaBasis,
): Uint8ClampedArray {
  const dim = mean.length
  const patches = tokens.rows * tokens.columns
  const inside = foreground && inFront(tokens, foreground)
  const colours = new Uint8ClampedArray(patches * 3) // rounds and cuts
  for (let patch = 0; patch < patches; patch++) {
    if (inside && !inside[patch]) continue
    for (let c = 0; c < 3; c++) {
      const deviation = deviations[c]!
      const value = deviation > 0 ? along(tokens.data, patch * dim, mean, components, c * dim) / deviation : 0
      colours[patch * 3 + c] = 255 * (0.5 + value / RANGE)
    }
  }
  return colours
}

/** (x - mean) · direction */
function along(x: Float32Array, from: number, mean: Float64Array, directions: Float64Array, at: number): number {
  let sum = 0
  for (let d = 0; d < mean.length; d++) sum += (x[from + d]! - mean[d]!) * directions[at + d]!
  return sum
}

export async function saveBasis(
  path: string,
  { weights, mean, components, deviations, foreground }: PcaBasis,
): Promise<void> {
  const D = mean.length
  const tensor = (shape: number[], data: Float64Array) => ({ dtype: 'float64' as const, shape, data })
  await writeSafetensors(
    path,
    {
      mean: tensor([D], mean),
      components: tensor([3, D], components),
      deviations: tensor([3], deviations),
      ...(foreground && {
        'foreground.mean': tensor([D], foreground.mean),
        'foreground.direction': tensor([D], foreground.direction),
      }),
    },
    { pca: weights },
  )
}

/** @throws Failure for another file, and a basis of other weights */
export async function loadBasis(path: string, weights: string): Promise<PcaBasis> {
  const { tensors, metadata } = await readSafetensors(path).catch((error: Error) => {
    throw error instanceof SafetensorsError ? new Failure(`--basis: ${error.message}`, 2) : error
  })
  const { mean, components, deviations } = tensors
  if (metadata.pca === undefined || !mean || !components || !deviations) {
    throw new Failure(`--basis ${path} is none: dino pca --save-basis writes one.`, 2)
  }
  if (metadata.pca !== weights) {
    throw new Failure(`--basis ${path} was fitted to features of other weights (${metadata.pca}, not ${weights}).`, 2)
  }
  const numbers = (name: string) => tensors[name]!.data as Float64Array
  return {
    weights,
    mean: numbers('mean'),
    components: numbers('components'),
    deviations: numbers('deviations'),
    ...(tensors['foreground.mean'] && {
      foreground: { mean: numbers('foreground.mean'), direction: numbers('foreground.direction') },
    }),
  }
}
