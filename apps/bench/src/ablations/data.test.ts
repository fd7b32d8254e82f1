import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { dataOf } from './data.js'
import { scales } from './scale.js'

const root = mkdtempSync(join(tmpdir(), 'dino-data-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const file = (set: string, path: string, bytes: number) => {
  mkdirSync(join(root, set, path, '..'), { recursive: true })
  writeFileSync(join(root, set, path), Buffer.alloc(bytes))
}
const read = (set: string) => dataOf({ data: join(root, set) }, scales.small, root, process.stderr)

test('images are known by names and sizes, wherever they lie: other images of the same names are others', async () => {
  for (const [path, bytes] of [
    ['train/a/0.png', 10],
    ['train/b/1.png', 20],
    ['val/a/0.png', 30],
  ] as const) {
    file('one', path, bytes)
  }
  const one = await read('one')
  expect(one).toMatchObject({ folder: join(root, 'one'), name: 'one', train: 2, val: 1 })

  cpSync(join(root, 'one'), join(root, 'elsewhere'), { recursive: true })
  expect((await read('elsewhere')).digest).toBe(one.digest)

  file('elsewhere', 'train/b/1.png', 21)
  const larger = await read('elsewhere')
  file('elsewhere', 'train/b/1.png', 20)
  renameSync(join(root, 'elsewhere/train/b/1.png'), join(root, 'elsewhere/train/b/2.png'))
  const renamed = await read('elsewhere')
  file('elsewhere', 'val/a/0.png', 31)
  const scored = await read('elsewhere')
  expect(new Set([one, larger, renamed, scored].map(({ digest }) => digest)).size).toBe(4)
})

test('a folder of the wrong form is told with the right one', async () => {
  file('half', 'train/a/0.png', 1)
  await expect(read('half')).rejects.toThrow('val/ missing')
  await expect(dataOf({}, scales.small, root, process.stderr)).rejects.toThrow('--data is missing')
})
