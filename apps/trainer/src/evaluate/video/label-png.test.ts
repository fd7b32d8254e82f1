import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countObjects, readLabels, resizeLabels, writeLabels } from './label-png.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-labels-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('what was written is read again, colours too; 255 is background', async () => {
  const sizes = fc.record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
  const images = sizes.chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      labels: fc.uint8Array({ minLength: width * height, maxLength: width * height }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(images, async (image) => {
      await writeLabels(join(folder, 'x.png'), image)
      const read = await readLabels(join(folder, 'x.png'))
      expect(read).toMatchObject({ width: image.width, height: image.height })
      expect(read.labels).toEqual(image.labels.map((label) => (label === 255 ? 0 : label)))
      expect(read.palette?.slice(0, 4)).toEqual([
        [0, 0, 0],
        [128, 0, 0],
        [0, 128, 0],
        [128, 128, 0],
      ])
    }),
    { numRuns: 25 },
  )
})

test('other programs see the colour of each label', async () => {
  await writeLabels(join(folder, 'x.png'), { labels: Uint8Array.of(0, 1, 2, 20), width: 2, height: 2 })
  const seen = await sharp(join(folder, 'x.png')).removeAlpha().raw().toBuffer()
  expect([...seen]).toEqual([0, 0, 0, 128, 0, 0, 0, 128, 0, 0, 64, 128])
})

test.each([2, 4, 16, 200])('a palette of %d colours is read, whatever bits a pixel has', async (colours) => {
  const [width, height] = [13, 17]
  const expected = Uint8Array.from({ length: width * height }, (_, i) => i % colours)
  const rgb = Uint8Array.from({ length: expected.length * 3 }, (_, i) => (expected[Math.floor(i / 3)]! * 255) / colours)
  const picture = sharp(rgb, { raw: { width, height, channels: 3 } })
  await picture.png({ palette: true, colours, dither: 0 }).toFile(join(folder, 'x.png'))
  const { labels, palette } = await readLabels(join(folder, 'x.png'))
  // The places in the palette are the writer's: what they stand for is ours.
  for (const [i, label] of labels.entries()) expect(Math.abs(palette![label]![0]! - rgb[3 * i]!)).toBeLessThanOrEqual(4)
  expect(countObjects(labels)).toBeLessThan(colours)
})

test('gray labels are read as they are, a photograph and a damaged file are refused by name', async () => {
  const gray = sharp(Uint8Array.of(0, 3, 7, 1), { raw: { width: 2, height: 2, channels: 1 } })
  await gray.toColourspace('b-w').png().toFile(join(folder, 'gray.png'))
  expect([...(await readLabels(join(folder, 'gray.png'))).labels]).toEqual([0, 3, 7, 1])
  const photo = sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
  await photo.png().toFile(join(folder, 'photo.png'))
  await expect(readLabels(join(folder, 'photo.png'))).rejects.toThrow('photo.png: expected a palette image')
  writeFileSync(join(folder, 'words.png'), 'words')
  await expect(readLabels(join(folder, 'words.png'))).rejects.toThrow('words.png cannot be read as a PNG')
})

test('labels are enlarged and shrunk as Pillow does', () => {
  const labels = Uint8Array.from({ length: 35 }, (_, i) => (i % 7) + 10 * Math.floor(i / 7))
  const shrunk = [1, 3, 5, 11, 13, 15, 31, 33, 35, 41, 43, 45]
  expect([...resizeLabels(labels, [7, 5], [3, 4])]).toEqual(shrunk)
  const enlarged = [10, 11, 11, 12, 13, 13, 14, 15, 15, 16]
  expect([...resizeLabels(labels, [7, 5], [10, 2])]).toEqual([...enlarged, ...enlarged.map((label) => label + 20)])
})
