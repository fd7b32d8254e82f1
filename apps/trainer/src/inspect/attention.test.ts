import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dino, picture, writePicture, writeTinyVit } from '../evaluate/tiny-vit.fixture.js'
import { distinctNames } from './given-images.js'

let folder: string
const at = (...names: string[]) => join(folder, ...names)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-looks-'))
  await writeTinyVit(at('vit.safetensors'))
  for (let i = 0; i < 5; i++) await writePicture(at('photos', `${i}.png`), picture(`${i}`, 40, 32))
  await writePicture(at('photos', 'tall', '0.png'), picture('tall', 16, 48))
  await writePicture(at('photos', 'tall', '0.jpg'), picture('tall, too', 16, 48))
  await writePicture(at('cat.png'), picture('cat', 32, 32))
  mkdirSync(at('odd'))
  await writePicture(at('odd', 'small.png'), picture('small', 6, 6))
  writeFileSync(at('odd', 'broken.png'), 'no image')
})
afterAll(() => rmSync(folder, { recursive: true }))

const attention = (...args: string[]) => dino('attention', ...args, '--checkpoint', at('vit.safetensors'))

test('a folder and a file give a folder of pictures for each image, of its own size', async () => {
  const { code, stdout, stderr } = await attention(at('photos'), at('cat.png'), '--output-dir', at('looks'))
  expect(stderr).not.toContain('Error')
  expect(code).toBe(0)
  expect(stdout).toBe(`${8 * 9} pictures in ${at('looks')}: 2 heads and their mean, a folder for each of 8 images.\n`)
  expect(readdirSync(at('looks')).sort()).toEqual(['0', '1', '2', '3', '4', 'cat', 'tall'])
  expect(readdirSync(at('looks', 'tall')).sort()).toEqual(['0.jpg', '0.png'])
  for (const [name, width, height] of [
    ['3', 40, 32],
    ['tall/0.jpg', 16, 48],
    ['cat', 32, 32],
  ] as const) {
    const files = readdirSync(at('looks', name))
    expect(files).toHaveLength(9)
    for (const file of files) expect(await sharp(at('looks', name, file)).metadata()).toMatchObject({ width, height })
  }
})

test('an image looks the same by itself as among others', async () => {
  expect((await attention(at('photos', '3.png'), '--output-dir', at('alone'))).code).toBe(0)
  for (const file of ['attn-mean.png', 'overlay-head1.png', 'mask_th0.6_head0.png']) {
    const [alone, among] = await Promise.all(
      [at('alone', file), at('looks', '3', file)].map((path) => sharp(path).raw().toBuffer()),
    )
    const levels = alone!.map((value, i) => Math.abs(value - among![i]!))
    expect(Math.max(...levels)).toBeLessThanOrEqual(1) // a batch is summed in another order
  }
})

test('an image that cannot be looked at is left out of several, and named; alone it is an error', async () => {
  const { code, stdout, stderr } = await attention(at('odd'), at('cat.png'), '--output-dir', at('left'), '--json')
  expect(code).toBe(0)
  expect(stderr).toContain(`Left out: ${at('odd', 'broken.png')}: not a JPEG`)
  expect(stderr).toContain(`Left out: ${at('odd', 'small.png')}: The image has 6 x 6 pixels, less than one patch of 8`)
  const { images, leftOut, heads } = JSON.parse(stdout)
  expect([images.length, leftOut.length, heads]).toEqual([1, 2, 2])
  expect(images[0]).toMatchObject({ image: at('cat.png'), rows: 4, columns: 4 })
  for (const file of images[0].files) expect(readFileSync(file).length).toBeGreaterThan(0)
  const alone = await attention(at('odd', 'broken.png'), '--output-dir', at('nothing'))
  expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('not a JPEG')])
  expect(existsSync(at('nothing'))).toBe(false)
})

test('what is asked for wrongly is refused before an image is read', async () => {
  const size = await attention(at('photos'), '--image-size', '4')
  expect([size.code, size.stderr]).toEqual([2, expect.stringContaining('at least one patch of 8 pixels each way')])
  const missing = await attention(at('away'))
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining(`IMAGES: ${at('away')}`)])
  const none = await attention()
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('--help')])
})

test('names are those of the images, told apart by extension, then by number', () => {
  expect(distinctNames(['a.jpg', 'b/a.jpg', 'c.png', 'C.jpg', 'd.png', 'd.png'])).toEqual([
    ...['a', 'b/a', 'c.png', 'C.jpg', 'd.png', 'd.png-2'],
  ])
})
