import { type Draws, permutation, stream } from '@dino/random'
import { clutteredGround } from './clutter.js'
import { fill, paste, type Rgb, type Rgba, resizedCrop, WHITE, whole } from './image.js'

/** A held-out object on a ground, and where it is. */
export interface Scene {
  image: Rgb
  /** Index of the object in the list of objects. */
  object: number
  /** [size, size] 0 to 255: how far the object covers each pixel. */
  alpha: Uint8Array
  /** [size / patchSize squared] 1 where the object covers at least half of the patch: the ground truth. */
  mask: Uint8Array
}

export interface SceneOptions {
  /** Held-out objects, square; used in a random order, again from the start when they run out. */
  objects: readonly Rgba[]
  /** Objects that the clutter is made of: of the training set. Unused on a plain ground. */
  clutter: readonly Rgba[]
  count: number
  /** Pixels of a side. */
  size: number
  /** Pixels; divides the size. */
  patchSize: number
  seed: number
  /** 'clutter': gradient, cloudy noise and faded pieces of other objects; 'plain': white, as in training. Default 'clutter'. */
  ground?: 'clutter' | 'plain'
  /** Share of the scene that the object's square takes, from and to. About half of a square is object. Default [.25, .5]. */
  area?: readonly [number, number]
}

/**
 * Scenes with a known answer: one object each at a random place, whole and sharp, on a ground that it has to be told from.
 *
 * The same for the same seed; scene i does not depend on how many there are.
 */
export function makeScenes(options: SceneOptions): Scene[] {
  const { objects, clutter, count, size, patchSize, seed, ground = 'clutter', area = [0.25, 0.5] } = options
  check(options, area)
  const makeScene = (i: number): Scene => {
    const draws = stream(seed, 'scene', i)
    const image = ground === 'clutter' ? clutteredGround(draws, clutter, size) : fill(size, size, WHITE)
    const object = permutation(objects.length, seed, Math.floor(i / objects.length))[i % objects.length]
    const alpha = place(draws, image, objects[object], area)
    return { image, object, alpha, mask: patchMask(alpha, size, patchSize) }
  }
  return Array.from({ length: count }, (_, i) => makeScene(i))
}

/** Draws the object on the ground and returns its alpha there, [size, size]. */
function place(draws: Draws, image: Rgb, object: Rgba, [low, high]: readonly [number, number]) {
  const size = image.width
  const side = Math.max(1, Math.min(size, Math.round(size * Math.sqrt(draws.uniform(low, high)))))
  const left = towardsEdges(draws, size - side)
  const top = towardsEdges(draws, size - side)
  const resized = resizedCrop(object, whole(object), side, draws.uniform() < 0.5)
  paste(image, resized, left, top)
  const alpha = new Uint8Array(size * size)
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) alpha[(top + y) * size + left + x] = resized.data[(y * side + x) * 4 + 3]
  }
  return alpha
}

/** 0 to `room`, more often near the ends: uniform places would cover the middle most, and looking there would pay. */
function towardsEdges(draws: Draws, room: number): number {
  return Math.round((room * (1 - Math.cos(Math.PI * draws.uniform()))) / 2)
}

/**
 * Coverage on the grid of patches: 1 where its average is one half or more.
 *
 * @param alpha [size, size] 0 to 255
 * @returns [(size / patchSize)²]
 */
export function patchMask(alpha: Uint8Array, size: number, patchSize: number): Uint8Array {
  const grid = size / patchSize
  const sums = new Float64Array(grid * grid)
  for (let y = 0; y < size; y++) {
    const row = Math.floor(y / patchSize) * grid
    for (let x = 0; x < size; x++) sums[row + Math.floor(x / patchSize)] += alpha[y * size + x]
  }
  return Uint8Array.from(sums, (sum) => (sum >= 0.5 * 255 * patchSize ** 2 ? 1 : 0))
}

function check(
  { objects, clutter, size, patchSize, ground }: SceneOptions,
  [low, high]: readonly [number, number],
): void {
  if (!Number.isInteger(size) || !Number.isInteger(patchSize) || size < 1 || size % patchSize !== 0) {
    throw new RangeError(`makeScenes: expected a size that patches of ${patchSize} px divide, got ${size}.`)
  }
  if (objects.length === 0 || (ground !== 'plain' && clutter.length === 0)) {
    throw new RangeError(`makeScenes: expected objects and clutter, got ${objects.length} and ${clutter.length}.`)
  }
  if (!(low > 0 && low <= high && high <= 1)) {
    throw new RangeError(`makeScenes: expected an area from above 0 up to 1, got [${low}, ${high}].`)
  }
}
