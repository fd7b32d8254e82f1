import type { Image } from '@dino/augment'
import { expect, test, vi } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import { cropOptions } from './crop-options.js'
import { createFeed } from './feed.js'
import { imagesInMemory, type TrainImages } from './images.js'

vi.setConfig({ testTimeout: 60_000 }) // on a busy machine
const config = resolveConfig({
  data: 'in memory',
  patchSize: 8,
  globalCropsSize: 16,
  localCropsSize: 8,
  localCropsNumber: 1,
  batchSize: 2,
  numWorkers: 0,
})
const run = { crops: cropOptions(config), start: 0, total: 6, iterationsPerEpoch: 6 }

function gray(count: number): TrainImages {
  const image: Image = { data: new Uint8Array(300).fill(90), width: 10, height: 10, channels: 3 }
  return imagesInMemory(
    Array.from({ length: count }, (_, i) => ({ name: `${i}`, image, label: 0 })),
    ['gray'],
  )
}

async function namesOf(feed: ReturnType<typeof createFeed>, batches: number): Promise<string[][]> {
  const names: string[][] = []
  for (let i = 0; i < batches; i++) {
    const batch = await feed.next()
    expect(batch.indices.map(String)).toEqual(batch.names)
    names.push(batch.names)
    batch.release()
  }
  await feed.close()
  return names
}

test('what was set aside earlier stays out, its place goes to the next one, and the rest is as it was', async () => {
  const all = await namesOf(createFeed(gray(12), config, run), 6)
  const known = [[3, 'gone'] as const, [4, 'gone'] as const]
  const rest = await namesOf(createFeed(gray(12), config, { ...run, setAside: known }), 6)
  expect(rest).toEqual(all.map((batch) => batch.map((name) => (name === '3' || name === '4' ? '5' : name))))
})

test('an error in a batch made ahead comes when that batch is asked for, and none is left unhandled', async () => {
  const unhandled: unknown[] = []
  const listen = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', listen)
  const images = gray(12)
  const order = (await namesOf(createFeed(images, config, run), 6)).flat()
  const broken: TrainImages = {
    ...images,
    sample(index) {
      if (String(index) === order[2]) throw new Error('no such sample')
      return images.sample(index)
    },
  }
  const feed = createFeed(broken, config, run)
  expect((await feed.next()).names).toEqual(order.slice(0, 2))
  await expect(feed.next()).rejects.toThrow('no such sample')
  expect((await feed.next()).names).toEqual(order.slice(4, 6))
  await feed.close()

  const closed = createFeed(broken, config, run) // closed before the error is asked for
  await closed.next()
  await closed.close()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', listen)
  expect(unhandled).toEqual([])
})
