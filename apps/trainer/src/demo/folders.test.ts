import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { writeEmojiFolders } from './folders.js'

const root = mkdtempSync(join(tmpdir(), 'dino-emoji-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

test('the embedded objects become folders of classes, 70 to 30, with alpha', async () => {
  const folder = await writeEmojiFolders(join(root, 'emoji'), { size: 16 })
  const files = (part: string) =>
    readdirSync(join(folder, part)).flatMap((name) => readdirSync(join(folder, part, name)).map((file) => [name, file]))
  const [train, val] = [files('train'), files('val')]
  expect(train.length + val.length).toBe(1376)
  expect(val.length / 1376).toBeGreaterThan(0.29)
  expect(val.length / 1376).toBeLessThan(0.33)
  expect(readdirSync(join(folder, 'val'))).toEqual(readdirSync(join(folder, 'train')))
  const [category, file] = train[0]!
  const { width, height, hasAlpha } = await sharp(join(folder, 'train', category!, file!)).metadata()
  expect([width, height, hasAlpha]).toEqual([16, 16, true])
  expect(await writeEmojiFolders(folder)).toBe(folder) // there already
})
