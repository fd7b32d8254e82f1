import { inRange } from './checks.js'
import type { Image } from './image.js'
import { operate } from './operate.js'

const f = Math.fround

/**
 * Hues turned round the colour circle.
 *
 * torchvision's `adjust_hue` on a Pillow image: to 8-bit HSV, int(factor · 255) added to the hue byte (which wraps), and back. The way
 * there and back alone moves colours by up to 5 levels, so factor 0 is not the identity. A gray image and alpha stay.
 *
 * @param factor fraction of the circle, -0.5 to 0.5
 */
export function hue(image: Image, factor: number): Image {
  inRange('hue', 'factor', factor, -0.5, 0.5)
  return operate(
    'hue',
    image,
    (kernels) => kernels.hue(factor),
    (out) => hueInPlace(out, factor),
  )
}

/** What Pillow's `hsv2rgb_row` computes from a byte, in float32. */
interface Tables {
  /** Of the hue byte: floor(6 h / 255); 6 is red again. */
  sector: Uint8Array
  /** 6 h / 255 - sector */
  within: Float32Array
  /** s / 255 */
  fraction: Float32Array
}

let made: Tables | undefined

function tables(): Tables {
  if (made) return made
  const sector = new Uint8Array(256)
  const within = new Float32Array(256)
  const fraction = new Float32Array(256)
  for (let v = 0; v < 256; v++) {
    sector[v] = Math.floor((v * 6) / 255)
    within[v] = (v * 6) / 255 - sector[v]!
    fraction[v] = v / 255
  }
  return (made = { sector, within, fraction })
}

export function hueInPlace({ data, channels: C }: Image, factor: number): void {
  if (C === 1) return
  const turn = Math.trunc(factor * 255) & 255
  const { sector: sectors, within: withins, fraction } = tables()
  for (let p = 0; p < data.length; p += C) {
    const r = data[p]!
    const g = data[p + 1]!
    const b = data[p + 2]!
    const v = Math.max(r, g, b)
    const low = Math.min(r, g, b)
    if (v === low) continue
    const chroma = v - low
    const s = fraction[(f(chroma / v) * 255) | 0]!
    const h = (hueByte(r, g, b, v, chroma) + turn) & 255
    if (s === 0) {
      data[p] = data[p + 1] = data[p + 2] = v
      continue
    }
    const within = withins[h]!
    const sector = sectors[h]!
    const least = (v * (1 - s) + 0.5) | 0
    // falling in the odd sectors, rising in the even ones
    const middle = (v * (1 - (sector & 1 ? f(s * within) : s * (1 - within))) + 0.5) | 0
    switch (sector) {
      case 1:
        data[p] = middle
        data[p + 1] = v
        data[p + 2] = least
        break
      case 2:
        data[p] = least
        data[p + 1] = v
        data[p + 2] = middle
        break
      case 3:
        data[p] = least
        data[p + 1] = middle
        data[p + 2] = v
        break
      case 4:
        data[p] = middle
        data[p + 1] = least
        data[p + 2] = v
        break
      case 5:
        data[p] = v
        data[p + 1] = least
        data[p + 2] = middle
        break
      default:
        data[p] = v
        data[p + 1] = middle
        data[p + 2] = least
    }
  }
}

/** Pillow's `rgb2hsv_row`: each ratio is a float32, what is added to them a double. */
function hueByte(r: number, g: number, b: number, v: number, chroma: number): number {
  let h: number
  if (r === v) h = f(f((v - b) / chroma) - f((v - g) / chroma))
  else if (g === v) h = f(2 + f((v - r) / chroma) - f((v - b) / chroma))
  else h = f(4 + f((v - g) / chroma) - f((v - r) / chroma))
  const turned = h / 6 + 1 // of the circle; fmod(…, 1) below
  return (f(turned >= 1 ? turned - 1 : turned) * 255) | 0
}
