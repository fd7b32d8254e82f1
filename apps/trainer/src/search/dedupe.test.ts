import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dino, writePhoto, writeTinyVit } from '../inspect/photos.fixture.js'
import '../train/host-backend.js'

let folder: string
const at = (...names: string[]) => join(folder, ...names)
const dedupe = (...flags: string[]) => dino(['dedupe', at('photos'), '--checkpoint', at('vit.safetensors'), ...flags])

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-dedupe-'))
  await writeTinyVit(at('vit.safetensors'))
  const colours = [
    [240, 20, 20],
    [20, 240, 20],
    [20, 20, 240],
    [230, 230, 20],
  ] as const
  for (const [i, colour] of colours.entries()) {
    await writePhoto(at('photos', `${i}.png`), { colour, seed: i, width: 64, height: 64 })
  }
  await sharp(at('photos/0.png')).resize(128, 128, { kernel: 'nearest' }).png().toFile(at('photos/a-large.png'))
  copyFileSync(at('photos/0.png'), at('photos/copy.png'))
  copyFileSync(at('photos/2.png'), at('photos/same.png'))
  writeFileSync(at('photos/broken.png'), 'no picture')
})
afterAll(() => rmSync(folder, { recursive: true }))

test('groups copies, names the largest as the one to keep, and deletes nothing', async () => {
  const before = readdirSync(at('photos'))
  const { status, stdout } = await dedupe('--threshold', '0.9999', '--html', at('page.html'), '--json')
  expect(status).toBe(0)
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ images: 7, leftOut: 1, copies: 3, threshold: 0.9999 })
  const groups = result.groups.map(({ keep, others }: { keep: { file: string }; others: { file: string }[] }) => [
    keep.file,
    ...others.map(({ file }) => file),
  ])
  expect(groups).toEqual([
    [at('photos/a-large.png'), at('photos/0.png'), at('photos/copy.png')],
    [at('photos/2.png'), at('photos/same.png')],
  ])
  expect(result.groups[0].keep).toMatchObject({ width: 128, height: 128, cosine: 1 })
  expect(result.groups[1].others[0].cosine).toBeCloseTo(1, 6)
  expect(readdirSync(at('photos'))).toEqual(before)
  const page = readFileSync(at('page.html'), 'utf8')
  expect(page.match(/<img src="data:image\/jpeg/g)).toHaveLength(5)
  expect(page).toContain('keep: 128x128')
})

test('says so in text, and keeps features where one says', async () => {
  const flags = ['--threshold', '0.9999', '--cache-dir', at('cache')]
  const { stdout } = await dedupe(...flags)
  expect(existsSync(at('cache'))).toBe(true)
  expect(stdout).toMatch(/keep +\S*a-large\.png {2}128x128, .*\n {2}1\.000 \S*0\.png {2}64x64/)
  expect(stdout).toContain('3 near-duplicates in 2 groups, of 7 images (cosine at least 0.9999). Nothing was deleted.')
  expect((await dedupe(...flags)).stdout).toBe(stdout)
})

test.each(['0', '1.1', 'x'])('a threshold of %s is refused', async (threshold) => {
  const { status, stderr } = await dedupe('--threshold', threshold)
  expect(stderr).toContain('--threshold: expected a cosine, above 0, up to 1')
  expect(status).toBe(2)
})
