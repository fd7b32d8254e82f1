import type { Draws } from '@dino/random'
import { type Box, fill, paste, type Rgb, type Rgba, WHITE } from './image.js'

/** Pieces of a ground, and how they are drawn: large and blurred enough not to be objects themselves. */
const PIECES = [5, 10]
const PIECE_SIDE = [0.25, 0.6] // of the ground's
const PIECE_PART = [0.3, 0.7] // of the object's side
const PIECE_DETAIL = [4, 8] // pixels that a piece is shrunk to before it is enlarged
const PIECE_OPACITY = [0.12, 0.35]
const CLOUD_LEVELS = 12
const GRAIN_LEVELS = 4
/** Pale, as a wall or a table top: what lies on it is what has colour. */
const GROUND_LEVELS = [170, 250]

/**
 * A ground of colours, shapes and texture without an object in it: a gradient, blurred and faded pieces of pictures,
 * cloudy noise and grain.
 *
 * @param pieces square pictures that the pieces are cut from
 * @param size pixels of a side
 */
export function clutteredGround(draws: Draws, pieces: readonly Rgba[], size: number): Rgb {
  const ground = gradient(draws, size)
  for (let left = draws.integer(PIECES[0], PIECES[1] + 1); left > 0; left--) {
    const source = pieces[draws.integer(0, pieces.length)]
    const part = Math.max(1, Math.round(source.width * draws.uniform(PIECE_PART[0], PIECE_PART[1])))
    const box = {
      left: draws.integer(0, source.width - part + 1),
      top: draws.integer(0, source.height - part + 1),
      width: part,
      height: part,
    }
    const detail = draws.integer(PIECE_DETAIL[0], PIECE_DETAIL[1] + 1)
    const side = Math.max(2, Math.round(size * draws.uniform(PIECE_SIDE[0], PIECE_SIDE[1])))
    const x = draws.integer(-Math.floor(side / 2), size - Math.floor(side / 2))
    const y = draws.integer(-Math.floor(side / 2), size - Math.floor(side / 2))
    paste(ground, enlarge(shrink(source, box, detail), side), x, y, draws.uniform(PIECE_OPACITY[0], PIECE_OPACITY[1]))
  }
  addTexture(draws, ground)
  return ground
}

/** A box as size x size averages; colours weigh by their alpha. */
function shrink({ data, width }: Rgba, box: Box, size: number): Rgba {
  const shrunk = new Uint8Array(size * size * 4)
  const edge = (i: number, from: number, length: number) => from + Math.floor((i * length) / size)
  for (let i = 0; i < size * size; i++) {
    const [column, row] = [i % size, Math.floor(i / size)]
    const [left, top] = [edge(column, box.left, box.width), edge(row, box.top, box.height)]
    const right = Math.max(left + 1, edge(column + 1, box.left, box.width))
    const bottom = Math.max(top + 1, edge(row + 1, box.top, box.height))
    const sums = [0, 0, 0, 0] // red, green and blue times alpha; alpha
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const at = (y * width + x) * 4
        for (let c = 0; c < 3; c++) sums[c] += data[at + c] * data[at + 3]
        sums[3] += data[at + 3]
      }
    }
    for (let c = 0; c < 3; c++) shrunk[i * 4 + c] = sums[3] && Math.round(sums[c] / sums[3])
    shrunk[i * 4 + 3] = Math.round(sums[3] / ((right - left) * (bottom - top)))
  }
  return { data: shrunk, width: size, height: size, channels: 4 }
}

/** Bilinear, with colours weighed by alpha. */
function enlarge({ data, width }: Rgba, size: number): Rgba {
  const enlarged = new Uint8Array(size * size * 4)
  const last = width - 1
  for (let i = 0; i < size * size; i++) {
    const x = Math.max(0, Math.min(last, (((i % size) + 0.5) * width) / size - 0.5))
    const y = Math.max(0, Math.min(last, ((Math.floor(i / size) + 0.5) * width) / size - 0.5))
    const sums = [0, 0, 0, 0]
    for (const row of [Math.floor(y), Math.floor(y) + 1]) {
      for (const column of [Math.floor(x), Math.floor(x) + 1]) {
        const at = (Math.min(row, last) * width + Math.min(column, last)) * 4
        const weight = (1 - Math.abs(y - row)) * (1 - Math.abs(x - column)) * data[at + 3]
        for (let c = 0; c < 3; c++) sums[c] += weight * data[at + c]
        sums[3] += weight
      }
    }
    for (let c = 0; c < 3; c++) enlarged[i * 4 + c] = sums[3] && Math.round(sums[c] / sums[3])
    enlarged[i * 4 + 3] = Math.round(sums[3])
  }
  return { data: enlarged, width: size, height: size, channels: 4 }
}

/** From one muted colour to another, in any direction. */
function gradient(draws: Draws, size: number): Rgb {
  const [from, to] = [0, 1].map(() => [0, 1, 2].map(() => draws.uniform(GROUND_LEVELS[0], GROUND_LEVELS[1])))
  const angle = draws.uniform(0, 2 * Math.PI)
  const ground = fill(size, size, WHITE)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      // Along the direction, 0 to 1 over the scene's diagonal.
      const along = ((x / size - 0.5) * Math.cos(angle) + (y / size - 0.5) * Math.sin(angle)) / Math.SQRT2 + 0.5
      for (let c = 0; c < 3; c++) ground.data[(y * size + x) * 3 + c] = Math.round(from[c] + along * (to[c] - from[c]))
    }
  }
  return ground
}

/** Cloudy noise of two wavelengths, the same in all channels, and grain of each pixel. */
function addTexture(draws: Draws, { data, width, height }: Rgb): void {
  const octaves = [4, 10].map((cells) => ({ cells, values: lattice(draws, cells) }))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let cloud = 0
      for (const [i, { cells, values }] of octaves.entries()) {
        cloud += (CLOUD_LEVELS * interpolate(values, cells, (x / width) * cells, (y / height) * cells)) / (i + 1)
      }
      for (let c = 0; c < 3; c++) {
        const at = (y * width + x) * 3 + c
        data[at] = Math.max(0, Math.min(255, Math.round(data[at] + cloud + GRAIN_LEVELS * draws.normal())))
      }
    }
  }
}

/** (cells + 1)² values in [-1, 1). */
function lattice(draws: Draws, cells: number): Float64Array {
  return Float64Array.from({ length: (cells + 1) ** 2 }, () => draws.uniform(-1, 1))
}

/** Bilinear, eased so that the cells do not show. */
function interpolate(values: Float64Array, cells: number, x: number, y: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)]
  const [u, v] = [ease(x - column), ease(y - row)]
  const at = row * (cells + 1) + column
  const upper = values[at] + u * (values[at + 1] - values[at])
  const lower = values[at + cells + 1] + u * (values[at + cells + 2] - values[at + cells + 1])
  return upper + v * (lower - upper)
}

function ease(t: number): number {
  return t * t * (3 - 2 * t)
}
