import type { Image } from '@dino/augment'
import sharp from 'sharp'

/** Hundredths of a second: browsers take what is shorter for a mistake, and slow it down to ten. */
const SHORTEST = 2

/** Frames a second that a GIF can show. */
export const MOST_FPS = 100 / SHORTEST

/**
 * An animated GIF, frame by frame: each is encoded alone, with colours of its own, and its parts are put behind those before. libvips makes an
 * animation of all frames at once, which have to be in memory for that.
 */
export class GifEncoder {
  readonly #fps: number
  #frames = 0

  /** @param fps up to {@link MOST_FPS} */
  constructor(fps: number) {
    if (!(fps > 0 && fps <= MOST_FPS))
      throw new RangeError(`gif: expected 0 to ${MOST_FPS} frames a second, got ${fps}.`)
    this.#fps = fps
  }

  /** @returns what comes next in the file */
  async frame({ data, width, height, channels }: Image): Promise<Uint8Array> {
    const gif = await sharp(data, { raw: { width, height, channels } }).gif({ dither: 0, effort: 4 }).toBuffer()
    const { colours, descriptor, pixels } = split(gif)
    const i = this.#frames++
    const delay = Math.round((100 * (i + 1)) / this.#fps) - Math.round((100 * i) / this.#fps) // adds up, over all frames
    const own = new Uint8Array(descriptor)
    own[9] = (own[9]! & 0x40) | 0x80 | (Math.log2(colours.length / 3) - 1) // interlaced or not, a table of its own, its size
    const start = i === 0 ? beginning(width, height) : []
    return Uint8Array.of(...start, 0x21, 0xf9, 4, 0, delay & 255, delay >> 8, 0, 0, ...own, ...colours, ...pixels)
  }

  /** The last byte of the file. */
  end(): Uint8Array {
    return Uint8Array.of(0x3b)
  }
}

/** Signature, size, no common colours; and that it begins again at its end. */
function beginning(width: number, height: number): number[] {
  const size = [width & 255, width >> 8, height & 255, height >> 8]
  return [...Buffer.from('GIF89a'), ...size, 0x70, 0, 0, 0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0'), 3, 1, 0, 0, 0]
}

/** The parts of a GIF of one picture: its table of colours, its descriptor and its coded pixels. */
function split(gif: Uint8Array): { colours: Uint8Array; descriptor: Uint8Array; pixels: Uint8Array } {
  const table = (flags: number, at: number) => gif.subarray(at, flags & 0x80 ? at + 3 * 2 ** ((flags & 7) + 1) : at)
  const common = table(gif[10]!, 13)
  let at = 13 + common.length
  while (gif[at] === 0x21) at = endOfBlocks(gif, at + 2)
  if (gif[at] !== 0x2c) throw new Error(`gif: expected a picture at byte ${at}, got ${gif[at]}.`)
  const descriptor = gif.subarray(at, at + 10)
  const own = table(descriptor[9]!, at + 10)
  const start = at + 10 + own.length
  return {
    colours: own.length > 0 ? own : common,
    descriptor,
    pixels: gif.subarray(start, endOfBlocks(gif, start + 1)),
  }
}

/** Blocks begin with their length; the one of length 0 is the last. */
function endOfBlocks(gif: Uint8Array, at: number): number {
  while (gif[at]) at += 1 + gif[at]!
  return at + 1
}
