import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { multiCrop, recipes } from '@dino/augment'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// The built command, as a person runs it.
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-preview-'))
  mkdirSync(join(folder, 'photos'))
  for (const [i, colour] of ['#804020', '#208040', '#402080'].entries())
    await sharp({ create: { width: 60 + i, height: 40, channels: 3, background: colour } })
      .png()
      .toFile(join(folder, 'photos', `${i}.png`))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function preview(line: string) {
  const args = ['augment', 'preview', ...line.split(' ').filter(Boolean)]
  return spawnSync(process.execPath, [cli, ...args], { cwd: folder, encoding: 'utf8' })
}

test('the page holds the views of each image, their steps and the rates, and asks for no other file', () => {
  const { status, stdout } = preview('photos --images 2 --output out/views.html')
  expect(status).toBe(0)
  expect(stdout).toMatch(/global 2 +blur +10\.0 % +\d+\.\d % +\d+/)
  expect(stdout).toContain('10 views of 2 of 3 images')
  const html = readFileSync(join(folder, 'out', 'views.html'), 'utf8')
  expect(html.match(/<figure class="view/g)).toHaveLength(20)
  expect(html.match(/<article/g)).toHaveLength(2)
  expect(html.match(/(?:src|href)="(?!data:)[^"]*"|url\(/g)).toBe(null)
  expect(html).toContain('1. crop')
  expect(html.match(/as asked/g)).toHaveLength(15)
  expect(html).not.toContain('class="off"')
})

test('--json gives the plans that replay the views, for the same key as training', () => {
  const { status, stdout } = preview('photos/1.png --recipe dinov2 --seed 7 --epoch 3 --local-crops-number 2 --json')
  expect(status).toBe(0)
  const { images, rates, options } = JSON.parse(stdout)
  const crops = { ...recipes.dinov2, localCrops: 2 }
  expect(images).toMatchObject([{ sample: 0, width: 61, height: 40 }])
  expect(images[0].plan).toEqual(multiCrop(crops).plan({ seed: 7, epoch: 3, sample: 0 }))
  expect(options).toMatchObject(crops)
  expect(rates).toContainEqual(expect.objectContaining({ view: 'global 1', op: 'blur', expected: 0, measured: 0 }))
})

test('an image that cannot be read is named, and its neighbour shown', () => {
  mkdirSync(join(folder, 'mixed'))
  writeFileSync(join(folder, 'mixed', 'a.jpg'), 'no image')
  writeFileSync(join(folder, 'mixed', 'b.png'), readFileSync(join(folder, 'photos', '0.png')))
  const { status, stdout, stderr } = preview('mixed --images 1')
  expect(stderr).toMatch(/Left out, not readable: .*a\.jpg/)
  expect(stdout).toContain('1 of 2 images')
  expect(status).toBe(0)
  const none = preview('mixed/a.jpg')
  expect(none.stderr).toContain('can be read')
  expect(none.status).toBe(1)
})

test.each([
  ['', 'IMAGE|DIR is missing'],
  ['gone', 'there is no gone'],
  ['photos --recipe dinv2', 'There is no recipe dinv2. Did you mean dinov2?'],
  ['photos --blur-p 2 0 0', '--blur-p: expected 3 numbers, each 0 to 1, got [2,0,0]'],
  ['photos --imges 2', 'There is no flag --imges. Did you mean --images?'],
  ['photos --images 0', '--images: expected a whole number, at least 1, got "0"'],
  ['photos --global-crops-scale 1 .4', 'the first number must not be above the second'],
])('dino augment preview %s exits with 2 and says in one line what to do', (line, message) => {
  const { status, stdout, stderr } = preview(line)
  expect(stderr).toContain(message)
  expect(stderr.trimEnd()).not.toContain('\n')
  expect(stdout).toBe('')
  expect(status).toBe(2)
})
