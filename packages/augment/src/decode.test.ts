import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Image, toRgb } from './index.js'
import { DecodeError, decode } from './node.js'

vi.setConfig({ testTimeout: 60_000 })

interface DecodeCase {
  name: string
  width: number
  height: number
  alpha: boolean
  sha256: string
  file: string
}

const { cases } = JSON.parse(readFileSync(new URL('./decode-cases.json', import.meta.url), 'utf8')) as {
  cases: DecodeCase[]
}
const bytesOf = (name: string) => Buffer.from(cases.find((c) => c.name === name)!.file, 'base64')
const sha256 = ({ data }: Image) => createHash('sha256').update(data).digest('hex')

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'augment-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('the pixels are those of Pillow', () => {
  test.each(cases)('$name', async ({ file, width, height, alpha, sha256: expected }) => {
    const image = await decode(Buffer.from(file, 'base64'), { keepAlpha: alpha })
    expect([image.width, image.height, image.channels]).toEqual([width, height, alpha ? 4 : 3])
    expect(sha256(image)).toBe(expected)
  })
})

test('a path, a URL and bytes give the same', async () => {
  const path = join(folder, 'a b#c.png')
  await writeFile(path, bytesOf('RGB PNG'))
  const image = await decode(bytesOf('RGB PNG'))
  expect(await decode(path)).toEqual(image)
  expect(await decode(pathToFileURL(path))).toEqual(image)
})

test('alpha is composited on white, or on the background', async () => {
  const rgba = await decode(bytesOf('RGBA PNG'), { keepAlpha: true })
  expect(await decode(bytesOf('RGBA PNG'))).toEqual(toRgb(rgba))
  expect(await decode(bytesOf('RGBA PNG'), { background: [9, 120, 255] })).toEqual(toRgb(rgba, [9, 120, 255]))
})

test('keepAlpha gives an opaque alpha to files without one', async () => {
  for (const name of ['RGB PNG', 'gray JPEG', 'CMYK JPEG', 'palette PNG']) {
    const image = await decode(bytesOf(name), { keepAlpha: true })
    expect(image.channels).toBe(4)
    expect(toRgb(image)).toEqual(await decode(bytesOf(name)))
  }
})

test('orient turns the image as its EXIF says', async () => {
  const name = 'JPEG whose EXIF says to turn it'
  const as = await decode(bytesOf(name))
  const turned = await decode(bytesOf(name), { orient: true })
  expect([turned.width, turned.height]).toEqual([as.height, as.width])
  const last = (as.height - 1) * as.width * 3 // its bottom left pixel goes to the top left
  expect(turned.data.slice(0, 3)).toEqual(as.data.slice(last, last + 3))
})

test('AVIF and a 1x1 image are read', async () => {
  const tiny = sharp({ create: { width: 1, height: 1, channels: 3, background: '#0a64c8' } })
  expect(await decode(await tiny.clone().png().toBuffer())).toEqual({
    data: Uint8Array.of(10, 100, 200),
    width: 1,
    height: 1,
    channels: 3,
  })
  const avif = await sharp(bytesOf('RGB PNG')).avif({ lossless: true }).toBuffer()
  expect((await decode(avif)).width).toBe(21)
})

describe('what cannot be read is an error that names the file and the reason', () => {
  const bad: [string, () => Uint8Array | string, RegExp][] = [
    [
      'text.jpg',
      () => 'hello, not an image',
      /not a JPEG, PNG, WebP, AVIF, TIFF or GIF; it begins with "hello, not a"/,
    ],
    ['empty.jpg', () => '', /it is empty/],
    ['drawing.svg', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', /begins with "<svg/],
    ['svg-inside.jpg', () => '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', /not a JPEG/],
    ['cut.jpg', () => bytesOf('JPEG 4:4:4').subarray(0, 600), /premature end/],
    ['head.jpg', () => bytesOf('JPEG 4:4:4').subarray(0, 20), /corrupt header/],
    ['cut.png', () => bytesOf('RGB PNG').subarray(0, 100), /./],
    ['bomb.png', () => bomb(60_000), /more than 178956970 pixels, the limit \(option maxPixels\)/],
  ]
  test.each(bad)('%s', async (name, content, reason) => {
    const path = join(folder, name)
    await writeFile(path, content())
    const error = await decode(path).catch((e) => e)
    expect(error).toBeInstanceOf(DecodeError)
    expect(error.path).toBe(path)
    expect(error.reason).toMatch(reason)
    expect(error.reason).not.toContain('\n')
    expect(error.message).toBe(`decode: cannot read ${path}: ${error.reason}`)
  })

  test('a missing file, a folder, no bytes', async () => {
    await expect(decode(join(folder, 'none.png'))).rejects.toThrow(/none\.png: no such file/)
    await expect(decode(folder)).rejects.toThrow('it is a folder')
    await expect(decode(new Uint8Array())).rejects.toThrow('0 bytes in memory: it is empty')
  })

  test('an image above maxPixels', async () => {
    await expect(decode(bytesOf('RGB PNG'), { maxPixels: 21 * 13 - 1 })).rejects.toThrow('more than 272 pixels')
    expect((await decode(bytesOf('RGB PNG'), { maxPixels: 21 * 13 })).width).toBe(21)
  })

  test('any damage: an image or a DecodeError, nothing else', async () => {
    const files = cases.map(({ file }) => Buffer.from(file, 'base64'))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
        fc.nat(),
        async (file, changes, cut) => {
          const bytes = Uint8Array.from(file.subarray(0, cut % 4 === 0 ? cut % (file.length + 1) : file.length))
          for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
          const result = await decode(bytes, { maxPixels: 1e6 }).catch((e) => e)
          if (!(result instanceof DecodeError)) expect(result.data.length).toBe(result.width * result.height * 3)
        },
      ),
      { numRuns: 300 },
    )
  })
})

test('options that are misspelt or out of range are refused', async () => {
  const png = bytesOf('RGB PNG')
  await expect(decode(png, { backgruond: [0, 0, 0] } as never)).rejects.toThrow("Did you mean 'background'?")
  await expect(decode(png, { background: [0, 0, 256] })).rejects.toThrow('background[2]')
  await expect(decode(png, { maxPixels: 0 })).rejects.toThrow('maxPixels to be a whole number of at least 1')
})

/** A PNG whose header promises side² pixels. */
function bomb(side: number): Buffer {
  const chunk = (kind: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(kind), data])
    const out = Buffer.alloc(body.length + 8)
    out.writeUInt32BE(data.length, 0)
    body.copy(out, 4)
    out.writeUInt32BE(crc(body), body.length + 4)
    return out
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(9))),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function crc(bytes: Uint8Array): number {
  let sum = -1
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return ~sum >>> 0
}
