import type { Image } from '@dino/augment'

/** Shares of two neighbours are integers, of this in all. */
const SCALE = 2048

/**
 * An image at another size by OpenCV's `resize` with `INTER_LINEAR`, byte for byte: two pixels each way, no antialiasing.
 *
 * `resize` of @dino/augment is Pillow's, which averages all pixels that an output pixel covers: other bytes wherever an image shrinks.
 */
export function resizeLinear({ data, width, height, channels: C }: Image, newWidth: number, newHeight: number): Image {
  if (newWidth === width && newHeight === height) return { data, width, height, channels: C }
  const columns = axis(width, newWidth, true)
  const rows = axis(height, newHeight, false)
  const stride = newWidth * C
  const out = new Uint8Array(newHeight * stride)
  // Two rows of the source at their new width, kept from one output row to the next.
  const wide = [new Int32Array(stride), new Int32Array(stride)]
  const held = [-1, -1]
  const widened = (y: number, other: number): number => {
    const at = held.indexOf(y)
    if (at >= 0) return at
    const free = held[0] === other ? 1 : 0
    held[free] = y
    const line = wide[free]!
    for (let x = 0, o = 0; x < newWidth; x++) {
      const [left, right] = [(y * width + columns.first[x]!) * C, (y * width + columns.next[x]!) * C]
      const [a, b] = [columns.share[x]!, columns.nextShare[x]!]
      for (let c = 0; c < C; c++) line[o++] = data[left + c]! * a + data[right + c]! * b
    }
    return free
  }
  for (let y = 0; y < newHeight; y++) {
    const [top, bottom, a, b] = [rows.first[y]!, rows.next[y]!, rows.share[y]!, rows.nextShare[y]!]
    const above = wide[widened(top, bottom)]!
    const below = wide[widened(bottom, top)]!
    for (let i = 0; i < stride; i++) {
      // Each product is cut to what fits 16 bits before they are added up and rounded.
      const sum = ((a * (above[i]! >> 4)) >> 16) + ((b * (below[i]! >> 4)) >> 16)
      out[y * stride + i] = (sum + 2) >> 2
    }
  }
  return { data: out, width: newWidth, height: newHeight, channels: C }
}

/** Which two pixels make each output pixel, and their shares in 2048ths, each rounded on its own. */
interface Axis {
  first: Int32Array
  next: Int32Array
  share: Int32Array
  nextShare: Int32Array
}

/** @param whole whether pixels at the edge, which have one neighbour, are taken whole: rows add up two shares of the same, rounded apart */
function axis(from: number, to: number, whole: boolean): Axis {
  const axis: Axis = {
    first: new Int32Array(to),
    next: new Int32Array(to),
    share: new Int32Array(to),
    nextShare: new Int32Array(to),
  }
  const scale = from / to
  const inside = (place: number) => Math.min(Math.max(place, 0), from - 1)
  for (let i = 0; i < to; i++) {
    const place = Math.fround((i + 0.5) * scale - 0.5)
    const low = Math.floor(place)
    axis.first[i] = inside(low)
    axis.next[i] = inside(low + 1)
    const beyond = whole && axis.next[i] === axis.first[i] ? 0 : Math.fround(place - low)
    axis.share[i] = roundHalfEven(Math.fround(1 - beyond) * SCALE)
    axis.nextShare[i] = roundHalfEven(beyond * SCALE)
  }
  return axis
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  if (value - floor !== 0.5) return Math.round(value)
  return floor % 2 === 0 ? floor : floor + 1
}
