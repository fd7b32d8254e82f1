import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AugmentPool, decode } from '@dino/augment/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import { cropOptions } from './crop-options.js'
import { createFeed } from './feed.js'
import { imageCache } from './image-cache.js'
import { imagesOf } from './images.js'

vi.mock('@dino/augment/node', async (original) => {
  const actual = await original<typeof import('@dino/augment/node')>()
  return { ...actual, decode: vi.fn(actual.decode) }
})

const folder = mkdtempSync(join(tmpdir(), 'dino-cache-'))
const [small, large] = [join(folder, 'small'), join(folder, 'large')]
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeAll(async () => {
  for (const [where, side] of [
    [small, 20],
    [large, 300],
  ] as const) {
    mkdirSync(where)
    for (let i = 0; i < 4; i++) {
      const pixels = Uint8Array.from({ length: side * side * 4 }, (_, at) => (at * (7 + i)) % 251)
      await sharp(pixels, { raw: { width: side, height: side, channels: 4 } })
        .png()
        .toFile(join(where, `${i}.png`))
    }
  }
})

test('a small image is decoded once and given in shared memory; a large one and one that is gone stay files', async () => {
  const images = await imagesOf(small)
  const sample = imageCache(images, {})
  const first = await sample(2)
  expect(first).toHaveProperty('image.width', 20)
  expect('image' in first && first.image.data.buffer).toBeInstanceOf(SharedArrayBuffer)
  rmSync(join(small, '2.png'))
  expect(await sample(2)).toEqual(first)
  const later = imageCache(images, {})
  await later(0)
  expect(await later(2)).toEqual(images.sample(2))

  const others = await imagesOf(large)
  expect(await imageCache(others, {})(1)).toEqual(others.sample(1))
})

test('each image is decoded once, the first too, also where several are asked for together', async () => {
  const images = await imagesOf(small)
  const sample = imageCache(images, {})
  vi.mocked(decode).mockClear()
  await Promise.all([0, 1].map(sample))
  for (const index of [0, 1, 2, 2]) await sample(index)
  expect(decode).toHaveBeenCalledTimes(3)
  const others = imageCache(await imagesOf(large), {})
  for (const index of [0, 0, 1]) await others(index)
  expect(decode).toHaveBeenCalledTimes(4) // one, to see that they are large
})

test('crops are the bytes that a pool makes of the files, in the first epoch and in later ones', async () => {
  const images = await imagesOf(small)
  const settings = { patchSize: 8, globalCropsSize: 16, localCropsSize: 8, localCropsNumber: 1, batchSize: 1 }
  const config = resolveConfig({ data: small, ...settings, numWorkers: 1, background: [10, 200, 30] })
  const crops = cropOptions(config)
  const { count } = images
  const pool = new AugmentPool({ workers: 0, seed: config.seed, options: crops, decode: { background: [10, 200, 30] } })
  const feed = createFeed(images, config, { crops, start: 0, total: 3 * count, iterationsPerEpoch: count })
  for (let i = 0; i < 3 * count; i++) {
    const batch = await feed.next()
    const samples = batch.indices.map((index) => images.sample(index))
    const { views } = await pool.batch({ epoch: Math.floor(i / count), samples })
    expect([...batch.global]).toEqual([...views[0]!])
    expect([...batch.local!]).toEqual([...views[1]!])
    batch.release()
  }
  await feed.close()
  await pool.terminate()
})
