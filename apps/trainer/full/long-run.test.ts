import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import { expect, test } from 'vitest'
import { resolveConfig } from '../src/config/resolve.js'
import { imagesInMemory } from '../src/train/images.js'
import { runTraining } from '../src/train/training.js'

// What one step leaves behind shows after two thousand. Half a minute to two on two cores.
test.each([{}, { microBatch: 8, recompute: true }])(
  'two thousand steps keep memory flat, with %o',
  { timeout: 30 * 60_000 },
  async (options) => {
    const steps = 2000
    const config = resolveConfig({
      recipe: 'demo',
      data: 'in memory',
      batchSize: 16,
      ...options,
      numWorkers: 1,
      epochs: steps / 4,
    })
    const session = await openSession({ threads: 2 })
    const resident: number[] = []
    const tensors = new Set<number>()
    try {
      const result = await runTraining({
        config,
        images: noise(64),
        session,
        hooks: {
          onStep({ iteration }) {
            if (iteration % 100 !== 0) return
            resident.push(process.memoryUsage.rss())
            tensors.add(session.memory().tensors)
          },
        },
      })
      expect(result.iteration).toBe(steps)
    } finally {
      await session.close()
    }
    console.log(`resident at every 100th step, MB: ${resident.map((bytes) => Math.round(bytes / 1e6)).join(' ')}`)
    expect([...tensors]).toEqual([0])
    // Means of the second and of the last five hundred steps: allocators are done growing by then, and garbage comes and goes.
    const mean = (from: number) => resident.slice(from, from + 5).reduce((sum, bytes) => sum + bytes, 0) / 5
    expect(mean(15) - mean(5)).toBeLessThan(30e6)
  },
)

function noise(count: number) {
  const items = Array.from({ length: count }, (_, i) => {
    const draws = stream(5, 'image', i)
    const data = Uint8Array.from({ length: 48 * 48 * 3 }, () => draws.uniform(0, 255))
    return { name: `image ${i}`, label: 0, image: { data, width: 48, height: 48, channels: 3 as const } }
  })
  return imagesInMemory(items, ['noise'])
}
