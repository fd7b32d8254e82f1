import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { idxToFolders } from './fashion-mnist.js'

const root = mkdtempSync(join(tmpdir(), 'dino-idx-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

function idx(shape: number[], data: number[]): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length)
  head.writeUInt32BE(0x0800 + shape.length, 0)
  for (const [i, size] of shape.entries()) head.writeUInt32BE(size, 4 + 4 * i)
  return Buffer.concat([head, Buffer.from(data)])
}

function write(folder: string, labels: number[]): string {
  mkdirSync(folder, { recursive: true })
  for (const prefix of ['train', 't10k']) {
    const pixels = labels.flatMap((label) => [label, 50, 100, 255])
    writeFileSync(join(folder, `${prefix}-images-idx3-ubyte.gz`), gzipSync(idx([labels.length, 2, 2], pixels)))
    writeFileSync(join(folder, `${prefix}-labels-idx1-ubyte.gz`), gzipSync(idx([labels.length], labels)))
  }
  return folder
}

test('files of its format become folders of classes, pixel by pixel, as many as asked for', async () => {
  const target = join(root, 'out')
  expect(await idxToFolders(write(join(root, 'in'), [9, 0, 9]), target, { val: 1 })).toBe(4)
  expect(readdirSync(join(target, 'train', 'ankle-boot'))).toEqual(['00000.png', '00002.png'])
  expect(readdirSync(join(target, 'val', 't-shirt'))).toEqual([])
  const pixels = await sharp(join(target, 'train', 't-shirt', '00001.png'))
    .toColourspace('b-w')
    .raw()
    .toBuffer()
  expect([...pixels]).toEqual([0, 50, 100, 255])
  await expect(idxToFolders(join(root, 'in'), target, {})).rejects.toThrow('is there already')
})

test('files that are missing, cut short or of another kind are told, and nothing is left behind', async () => {
  await expect(idxToFolders(root, join(root, 'a'), {})).rejects.toThrow('train-images-idx3-ubyte.gz is missing')
  const folder = write(join(root, 'cut'), [1, 2])
  writeFileSync(join(folder, 't10k-images-idx3-ubyte.gz'), gzipSync(idx([2, 2, 2], [1, 2, 3])))
  await expect(idxToFolders(folder, join(root, 'b'), {})).rejects.toThrow('19 bytes, expected 24 for [2,2,2]')
  writeFileSync(join(folder, 't10k-images-idx3-ubyte.gz'), gzipSync(Buffer.from('not a picture at all')))
  await expect(idxToFolders(folder, join(root, 'b'), {})).rejects.toThrow("MNIST's format with 3 dimensions")
  const wrong = write(join(root, 'labels'), [11])
  await expect(idxToFolders(wrong, join(root, 'c'), {})).rejects.toThrow('label 11 of image 0')
  expect(['a', 'b', 'c'].some((name) => existsSync(join(root, name)))).toBe(false)
})
