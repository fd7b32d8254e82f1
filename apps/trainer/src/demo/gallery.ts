import { jaccard, massMask } from '@dino/eval'
import sharp from 'sharp'
import { MASS } from '../inspect/attention-scores.js'
import { colourOf, unitRange } from '../inspect/colour-map.js'
import { dataUri } from '../inspect/images.js'
import { escapeHtml } from './html.js'
import type { Rgb } from './image.js'

/** A scene, and where the network looked, for people. All grids are square and of one size. */
export interface Example {
  /** Of the object, such as 'red apple'. */
  name: string
  image: Rgb
  /** [patches] 1 where the object is. */
  mask: Uint8Array
  /** [patches] the average of the heads' attention, before and after training. */
  before: Float32Array
  after: Float32Array
}

/** Pixels of a side of a picture in the page: enlarged once, smoothly, from what the network was given. */
const SHOWN = 192

/** A card for each example: the scene, the object, and attention before and after, with Jaccard to the object. */
export async function gallery(examples: readonly Example[]): Promise<string> {
  const cards = await Promise.all(examples.map(card))
  return `<div class="gallery">${cards.join('')}</div>`
}

async function card({ name, image, mask, before, after }: Example): Promise<string> {
  const scene = await shown(image)
  const looks = (when: string, map: Float32Array) => {
    const held = massMask(map, MASS)
    const score = jaccard(held, mask).toFixed(2)
    const alt = `Attention on ${name} ${when} training: Jaccard ${score}.`
    return { caption: `${when} <b>${score}</b>`, alt, veil: heat(map), outline: held }
  }
  const shots = [
    { caption: 'scene', alt: `Scene with ${name}.`, veil: undefined, outline: undefined },
    { caption: 'object', alt: `Where ${name} is.`, veil: shade(mask), outline: mask },
    looks('before', before),
    looks('after', after),
  ]
  const figures = await Promise.all(
    shots.map(async ({ caption, alt, veil, outline }) => {
      const base = `<img class="${caption.includes('<b>') ? 'gray' : ''}" src="${scene}" alt="${escapeHtml(alt)}" width="${SHOWN}" height="${SHOWN}">`
      const over = veil ? `<img class="veil" src="${await dataUri(veil)}" alt="">` : ''
      return `<figure><div class="shot">${base}${over}${outline ? contour(outline) : ''}</div><figcaption>${caption}</figcaption></figure>`
    }),
  )
  return `<article class="card"><h3>${escapeHtml(name)}</h3><div class="shots">${figures.join('')}</div></article>`
}

async function shown({ data, width, height, channels }: Rgb): Promise<string> {
  const picture = sharp(data, { raw: { width, height, channels } }).resize(SHOWN, SHOWN, {
    kernel: 'cubic',
    fit: 'fill',
  })
  return `data:image/webp;base64,${(await picture.webp({ quality: 80 }).toBuffer()).toString('base64')}`
}

/** One pixel a patch: the page enlarges them to squares. */
function veilOf(patches: number, colour: (patch: number) => readonly [number, number, number, number]) {
  const side = Math.sqrt(patches)
  const data = new Uint8Array(patches * 4)
  for (let i = 0; i < patches; i++) data.set(colour(i), i * 4)
  return { data, width: side, height: side, channels: 4 as const }
}

function heat(map: Float32Array) {
  const values = unitRange(map)
  return veilOf(map.length, (i) => {
    const [r, g, b] = colourOf(values[i])
    return [r, g, b, 130 + 80 * values[i]]
  })
}

function shade(mask: Uint8Array) {
  return veilOf(mask.length, (i) => [10, 10, 16, mask[i] ? 0 : 190])
}

/** The border of a mask, as a drawing over a picture. */
function contour(mask: Uint8Array): string {
  const side = Math.sqrt(mask.length)
  const inside = (x: number, y: number) => x >= 0 && y >= 0 && x < side && y < side && mask[y * side + x] !== 0
  let path = ''
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (!inside(x, y)) continue
      if (!inside(x, y - 1)) path += `M${x} ${y}h1`
      if (!inside(x, y + 1)) path += `M${x} ${y + 1}h1`
      if (!inside(x - 1, y)) path += `M${x} ${y}v1`
      if (!inside(x + 1, y)) path += `M${x + 1} ${y}v1`
    }
  }
  return `<svg class="contour" viewBox="0 0 ${side} ${side}" aria-hidden="true"><path d="${path}"/></svg>`
}
