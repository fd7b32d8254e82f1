/** What `decode` accepts. Anything else that sharp could read (SVG, PDF, …) is refused by its first bytes. */
export type Format = 'JPEG' | 'PNG' | 'WebP' | 'AVIF' | 'TIFF' | 'GIF'

/** The format that the first bytes of a file announce; undefined if it is none of ours. */
export function sniff(bytes: Uint8Array): Format | undefined {
  const text = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to))
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'JPEG'
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'PNG'
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'WebP'
  if (text(0, 6) === 'GIF87a' || text(0, 6) === 'GIF89a') return 'GIF'
  if (['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(text(0, 4))) return 'TIFF'
  if (text(4, 8) === 'ftyp') {
    // the box of brands: its length, 'ftyp', major brand, version, compatible brands
    const length = Math.min(((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0), 256)
    const brands: string[] = text(8, length).match(/.{4}/gs) ?? []
    if (brands.includes('avif') || brands.includes('avis')) return 'AVIF'
  }
  return undefined
}

/** How many channels the frame header of a JPEG says; 0 if there is none. */
export function jpegChannels(bytes: Uint8Array): number {
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!
    const frame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
    if (frame) return bytes[at + 9]!
    at += marker === 0xff ? 1 : 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!) // 0xff before a marker fills
  }
  return 0
}
