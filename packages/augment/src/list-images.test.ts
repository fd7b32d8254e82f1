import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listImages } from './node.js'
import { unprivileged } from './unprivileged-for-tests.js'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'augment-'))
})
afterEach(() => rm(root, { recursive: true }))

async function make(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), '')
  }
}

const namesOf = async (source: string) => (await listImages(source)).files.map(({ name }) => name)

test('a flat folder: no labels, sorted by code unit, images only', async () => {
  await make('b.png', 'B.PNG', 'a10.jpg', 'a2.jpeg', 'ä.webp', 'note.txt', '.hidden.png', 'x.tiff', 'y.avif', 'z.gif')
  const list = await listImages(root)
  expect(list.root).toBe(root)
  expect(list.classes).toEqual([])
  expect(list.files.map(({ name }) => name)).toEqual([
    'B.PNG',
    'a10.jpg',
    'a2.jpeg',
    'b.png',
    'x.tiff',
    'y.avif',
    'z.gif',
    'ä.webp',
  ])
  expect(list.files[0]).toEqual({ path: join(root, 'B.PNG'), name: 'B.PNG', label: null })
})

test('sub-folders are labels, whatever is nested deeper; files beside them have none', async () => {
  await make('cat/1.jpg', 'cat/more/2.jpg', 'ant/3.jpg', 'loose.jpg', '.cache/4.jpg', 'texts/readme.md')
  const { files, classes } = await listImages(root)
  expect(classes).toEqual(['ant', 'cat'])
  expect(files.map(({ name, label }) => [name, label])).toEqual([
    ['ant/3.jpg', 'ant'],
    ['cat/1.jpg', 'cat'],
    ['cat/more/2.jpg', 'cat'],
    ['loose.jpg', null],
  ])
})

test('a single sub-folder tells nothing', async () => {
  await make('photos/1.jpg', 'photos/2.jpg')
  const { files, classes } = await listImages(root)
  expect(classes).toEqual([])
  expect(files.map(({ label }) => label)).toEqual([null, null])
})

test('links are followed, circles of links end', async () => {
  await make('a/1.jpg', 'b/2.jpg')
  await symlink(root, join(root, 'a', 'loop'))
  await symlink(join(root, 'b', '2.jpg'), join(root, 'a', 'link.jpg'))
  await symlink(join(root, 'b'), join(root, 'c'))
  expect(await namesOf(root)).toEqual(['a/1.jpg', 'a/link.jpg', 'b/2.jpg', 'c/2.jpg'])
})

describe('globs', () => {
  beforeEach(() => make('1.jpg', 'a/1.jpg', 'a/2.png', 'b/deep/3.jpg', 'b/x(1).jpg', 'b/{odd}.jpg'))

  test.each([
    ['*.jpg', ['1.jpg']],
    ['**/*.jpg', ['1.jpg', 'a/1.jpg', 'b/deep/3.jpg', 'b/x(1).jpg', 'b/{odd}.jpg']],
    ['**', ['1.jpg', 'a/1.jpg', 'a/2.png', 'b/deep/3.jpg', 'b/x(1).jpg', 'b/{odd}.jpg']],
    ['{a,b/deep}/*', ['a/1.jpg', 'a/2.png', 'b/deep/3.jpg']],
    ['*/[0-1].jpg', ['a/1.jpg']],
    ['*/[!1].png', ['a/2.png']],
    ['a/?.*', ['1.jpg', '2.png']],
    ['b/x(?).jpg', ['x(1).jpg']],
  ])('%s', async (glob, names) => expect(await namesOf(join(root, glob))).toEqual(names))

  test('labels are the folders below the first wildcard', async () => {
    const { root: from, classes } = await listImages(join(root, '**/*.jpg'))
    expect(from).toBe(root)
    expect(classes).toEqual(['a', 'b'])
  })

  test('a folder whose name looks like a glob is a folder', async () => {
    await make('[set]/1.jpg')
    expect(await namesOf(join(root, '[set]'))).toEqual(['1.jpg'])
  })

  test('nothing matches', async () => {
    await expect(listImages(join(root, '*.gif'))).rejects.toThrow('none of the 6 images below its folder matches')
    await expect(listImages(join(root, 'none/*.gif'))).rejects.toThrow(`but there is no ${join(root, 'none')}`)
    await expect(listImages(join(root, '{a,b/*.gif'))).rejects.toThrow('closing brace')
  })
})

describe('what is not a folder of images says so', () => {
  test('a missing folder', async () => {
    await expect(listImages(join(root, 'none'))).rejects.toThrow(`there is no ${join(root, 'none')}.`)
  })

  test('a file', async () => {
    await make('a.jpg')
    await expect(listImages(join(root, 'a.jpg'))).rejects.toThrow('a.jpg is a file. Give the folder it is in.')
  })

  test('an empty folder', async () => {
    await expect(listImages(root)).rejects.toThrow(`no images in ${root}: it is empty`)
  })

  test('a folder of text files', async () => {
    await make('a.txt', 'b/c.md', 'd')
    await expect(listImages(root)).rejects.toThrow('it holds 3 other files (.md, .txt, without extension)')
  })

  test('a folder that may not be read', async () => {
    await make('a/1.jpg')
    await chmod(root, 0o755)
    await chmod(join(root, 'a'), 0)
    await unprivileged(async () => {
      await expect(listImages(root)).rejects.toThrow(`cannot list ${join(root, 'a')}: no permission to read it`)
    })
    await chmod(join(root, 'a'), 0o700)
  })
})
