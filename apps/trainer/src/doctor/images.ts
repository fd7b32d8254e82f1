import type { Finding } from './finding.js'

const formats = ['JPEG', 'PNG', 'WebP', 'AVIF', 'TIFF', 'GIF'] as const

/** sharp decodes the images: it loads here, decodes, and knows the formats that we read. */
export async function checkSharp(): Promise<Finding> {
  try {
    const { default: sharp } = await import('sharp')
    const pixel = { width: 2, height: 2, channels: 3, background: '#336699' } as const
    const png = await sharp({ create: pixel }).png().toBuffer()
    const decoded = await sharp(png).raw().toBuffer()
    if (decoded.length !== 12 || decoded[1] !== 0x66) throw new Error('a PNG of four pixels came out wrong')
    const known: Record<string, { input?: { buffer?: boolean } } | undefined> = { ...sharp.format }
    const missing = formats.filter((format) => {
      // AVIF is one of HEIF's codecs in libvips.
      const entry = known[format.toLowerCase()] ?? (format === 'AVIF' ? known.heif : undefined)
      return !entry?.input?.buffer
    })
    const readable = formats.filter((format) => !missing.includes(format))
    const found = `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}: reads ${readable.join(', ')}`
    const details = { versions: { ...sharp.versions }, formats: readable }
    if (missing.length === 0) return { name: 'sharp', status: 'ok', found, details }
    const advice = `It was built without ${missing.join(', ')}; those files would be reported and set aside.`
    return { name: 'sharp', status: 'note', found, advice, details }
  } catch (error) {
    return {
      name: 'sharp',
      status: 'problem',
      found: `sharp does not work: ${(error as Error).message.trim().split('\n')[0]}`,
      advice: `Install it for this machine: \`npm install --os=${process.platform} --cpu=${process.arch} sharp\`. No image can be read without it.`,
    }
  }
}
