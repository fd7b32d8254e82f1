import type { Image } from '@dino/augment'

/** Bytes in which a header must end: three numbers, and no more. */
const LONGEST_HEADER = 64
/** What may yet become one. */
const BEGINNING = /^(P6?|P6\s+(\d+\s*)?|P6\s+\d+\s+\d+\s*(\s2(55?)?)?)$/

/** Pictures from a stream of binary PPM files, one after the other, as ffmpeg's `image2pipe` writes them. Holds one picture. */
export async function* ppmFrames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Image> {
  let bytes = new Uint8Array(0) // that are not used yet
  let wanted: { width: number; height: number; header: number; total: number } | undefined
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    parts.push(chunk)
    length += chunk.length
    while (length > 0 && length >= (wanted?.total ?? 1)) {
      if (parts.length > 1) parts = [join(parts, length)]
      bytes = parts[0]! as Uint8Array<ArrayBuffer>
      wanted ??= header(bytes)
      if (!wanted || length < wanted.total) break
      const { width, height, header: start, total } = wanted
      yield { data: bytes.slice(start, total), width, height, channels: 3 }
      parts = [bytes.subarray(total)]
      length -= total
      wanted = undefined
    }
  }
  if (length > 0) throw new Error(`ppmFrames: the stream ends within a picture, after ${length} of its bytes.`)
}

/** @returns undefined if more bytes are needed */
function header(bytes: Uint8Array): { width: number; height: number; header: number; total: number } | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, LONGEST_HEADER))
  const match = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(text)
  if (match) {
    const [width, height] = [Number(match[1]), Number(match[2])]
    return { width, height, header: match[0].length, total: match[0].length + width * height * 3 }
  }
  if (text.length < LONGEST_HEADER && BEGINNING.test(text)) return undefined
  throw new Error(`ppmFrames: expected a PPM picture of 8 bits, got ${JSON.stringify(text.slice(0, 16))}.`)
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
