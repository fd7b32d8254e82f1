import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { tarOf } from '../src/archives-for-tests.js'
import { AugmentPool, openDataset, shuffled } from '../src/node.js'

const IMAGES = 50_000
const BATCH = 100
const MB = 1e6

test('memory is flat over 50,000 images of a tar file through two threads', { timeout: 60 * 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'augment-'))
  const draws = stream(0, 'pool-memory')
  const files = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const [width, height] = [150 + i, 250 - (i % 100)]
      const data = Uint8Array.from({ length: width * height * 3 }, () => draws.uniform(0, 255))
      return [
        `${i}.jpg`,
        await sharp(data, { raw: { width, height, channels: 3 } })
          .jpeg()
          .toBuffer(),
      ] as const
    }),
  )
  writeFileSync(join(folder, 'images.tar'), tarOf([...files, ['broken.jpg', files[0]![1].subarray(0, 900)]]))
  const dataset = await openDataset(join(folder, 'images.tar'))
  const pool = new AugmentPool({ seed: 0, workers: 2, options: { globalSize: 96, localSize: 48 } })
  const resident: number[] = []
  let failed = 0
  try {
    const batches = IMAGES / BATCH
    const start = (epoch: number) => {
      const order = shuffled(dataset.count, { seed: 0, epoch })
      return pool.batch({ epoch, samples: [...order.subarray(0, BATCH)].map((index) => dataset.sample(index)) })
    }
    const ahead = [start(0), start(1)]
    for (let epoch = 2; epoch < batches + 2; epoch++) {
      const batch = await ahead.shift()!
      if (epoch < batches) ahead.push(start(epoch))
      failed += batch.failed.length
      batch.release()
      resident.push(process.memoryUsage.rss() / MB)
    }
  } finally {
    await pool.terminate()
    rmSync(folder, { recursive: true })
  }
  const quarter = resident.length / 4
  const [early, late] = [resident.slice(quarter, 2 * quarter), resident.slice(-quarter)]
  console.log(
    `resident at its most: ${Math.max(...early).toFixed(0)} MB in the second quarter, ${Math.max(...late).toFixed(0)} MB in the last;`,
    `${failed} times the broken image`,
  )
  expect(failed).toBeGreaterThan(0)
  expect(Math.max(...late)).toBeLessThan(Math.max(...early) + 24)
})
