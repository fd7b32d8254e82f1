import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jaccard, massMask } from '@dino/eval'
import { readSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dino, picture, writePicture, writeTinyVit } from '../tiny-vit.fixture.js'
import { writeLabels } from '../video/label-png.js'

// Pascal VOC in small: two objects on each image, with undecided pixels around them. An image has 32 x 32 pixels, 4 x 4 patches.
const NAMES = ['2007_000033', '2007_000042', '2007_000061']
const SIDE = 32
let folder: string
const at = (...names: string[]) => join(folder, ...names)

/** Two rectangles, of class 5 and 20, in an undecided margin. */
function labelsOf(image: number): Uint8Array {
  const labels = new Uint8Array(SIDE * SIDE)
  for (let y = 2; y < 18; y++) for (let x = 3 + image; x < 20; x++) labels[y * SIDE + x] = 255
  for (let y = 4; y < 16; y++) for (let x = 5 + image; x < 18; x++) labels[y * SIDE + x] = 5
  for (let y = 20; y < 30; y++) for (let x = 20; x < 31; x++) labels[y * SIDE + x] = 20
  return labels
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-attention-'))
  await writeTinyVit(at('vit.safetensors'))
  await writeTinyVit(at('other.safetensors'), 1)
  mkdirSync(at('VOC2012', 'ImageSets', 'Segmentation'), { recursive: true })
  mkdirSync(at('VOC2012', 'SegmentationClass'))
  writeFileSync(at('VOC2012', 'ImageSets', 'Segmentation', 'val.txt'), `${NAMES.join('\n')}\n`)
  for (const [i, name] of NAMES.entries()) {
    await writePicture(at('VOC2012', 'JPEGImages', `${name}.jpg`), picture(name, SIDE, SIDE))
    const labels = { labels: labelsOf(i), width: SIDE, height: SIDE }
    await writeLabels(at('VOC2012', 'SegmentationClass', `${name}.png`), labels)
    const alpha = Buffer.from(labels.labels.map((label) => (label === 0 ? 0 : 255)))
    const cutout = picture(name, SIDE, SIDE).joinChannel(alpha, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    await writePicture(at('cutouts', `${name}.png`), cutout)
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const attention = (data: string, ...args: string[]) =>
  dino('eval', 'attention', at('vit.safetensors'), '--data', at(data), ...args)

test('attention is held against outlines pixel by pixel, without those that nobody decided', async () => {
  const { code, stdout, stderr } = await attention('VOC2012', '--cache-dir', at('cache'), '--output', at('result.json'))
  expect(stderr).not.toContain('Error')
  expect(code).toBe(0)
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  expect(rows.map(([name]) => name)).toEqual([
    'Jaccard %',
    'best head of each image',
    'best head',
    'mean of the heads',
    'which head is best',
    'images',
    '',
  ])
  const { networks } = JSON.parse(readFileSync(at('result.json'), 'utf8'))
  expect(networks[0].heads).toHaveLength(2)

  // The same by definition, from the maps that were kept: masks as pixels, undecided ones taken out.
  const [kept] = readdirSync(at('cache'))
  const { tensors } = await readSafetensors(at('cache', kept!, '000000.safetensors'))
  const maps = tensors.features!.data as Float32Array // [3, 2 · 16]
  const expected = [0, 1].map((head) => {
    const each = NAMES.map((_, image) => {
      const mask = massMask(maps.subarray(image * 32 + head * 16, image * 32 + (head + 1) * 16), 0.6)
      const labels = labelsOf(image)
      const pixels = [...labels.keys()].filter((pixel) => labels[pixel] !== 255)
      const looked = pixels.map((pixel) => mask[Math.floor(pixel / SIDE / 8) * 4 + Math.floor((pixel % SIDE) / 8)]!)
      return jaccard(
        looked,
        pixels.map((pixel) => labels[pixel]!),
      )
    })
    return each.reduce((sum, value) => sum + value, 0) / each.length
  })
  for (const [head, value] of expected.entries()) expect(networks[0].heads[head]).toBeCloseTo(value, 10)
  expect(networks[0].bestHead).toBeCloseTo(Math.max(...expected), 10)
  expect(rows[2]).toEqual(['best head', (100 * Math.max(...expected)).toFixed(1)])
})

test('other checkpoints, and the same network untrained, stand beside it', async () => {
  const { code, stdout } = await attention('VOC2012', '--compare', at('other.safetensors'), '--compare', 'random')
  expect(code).toBe(0)
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  expect(rows[0]).toEqual(['Jaccard %', at('vit.safetensors'), at('other.safetensors'), 'random'])
  const [own, other, random] = rows[1]!.slice(1)
  expect(random).toBe(own) // the fixture is untrained, with the same seed
  expect(other).not.toBe(own)
})

test('the truth may be the transparency of images, in any source', async () => {
  const { code, stdout, stderr } = await attention('cutouts', '--masks', 'alpha', '--json')
  expect(stderr).not.toContain('Error')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ masks: 'alpha', threshold: 0.6, networks: [{ images: 3 }] })
  await writePicture(at('mixed', '1.png'), sharp(at('cutouts', `${NAMES[0]}.png`)))
  await writePicture(at('mixed', '2.png'), picture('opaque', SIDE, SIDE))
  const mixed = await attention('mixed', '--masks', 'alpha', '--json')
  expect(mixed.stderr).toContain(`Left out, all object or none: ${at('mixed', '2.png')}`)
  expect(JSON.parse(mixed.stdout).networks[0].images).toBe(1)
  rmSync(at('mixed', '1.png'))
  const opaque = await attention('mixed', '--masks', 'alpha')
  expect([opaque.code, opaque.stderr]).toEqual([1, expect.stringContaining('None of the 1 images')])
})

test('what is not there is refused with the layout that is expected', async () => {
  const above = await attention('.')
  expect([above.code, above.stderr]).toEqual([2, expect.stringContaining(`Do you mean ${at('VOC2012')}?`)])
  const other = await attention('cutouts')
  expect(other.stderr).toContain('add --masks alpha')
  expect(other.stderr).toMatch(/^ {2}SegmentationClass\/2007_000033.png/m)
  const objects = await attention('VOC2012', '--masks', 'object')
  expect(objects.stderr).toContain(`SegmentationObject/${NAMES[0]}.png is missing, which ImageSets`)
  const none = await attention('VOC2012', '--threshold', '0')
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('covers nothing')])
})
