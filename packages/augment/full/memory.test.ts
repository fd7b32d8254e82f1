import { expect, test } from 'vitest'
import { type Image, kernelsInUse, multiCrop, normalize, resize } from '../src/index.js'
import { kernels } from '../src/kernels.js'

// Ten crops of each: some minutes.
const IMAGES = 50_000
const MB = 1e6

function photo(width: number, height: number, channels: Image['channels']): Image {
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 31 + ((i >> 7) ^ (i >> 3))) & 255)
  return { data, width, height, channels }
}

test('memory is flat over 50,000 images, a huge one among every 5,000', { timeout: 60 * 60_000 }, () => {
  expect(kernelsInUse()).toBe('simd')
  const photos = [photo(500, 375, 3), photo(375, 500, 3), photo(640, 480, 3), photo(333, 500, 1), photo(256, 256, 4)]
  const huge = photo(4000, 3000, 3)
  const crops = multiCrop()
  const into = photos.map(({ channels }) => crops.views.map(({ size }) => new Uint8Array(size * size * channels)))
  const floats = new Float32Array(224 * 224 * 3)
  const resident: number[] = []
  const modules: number[] = []
  for (let sample = 0; sample < IMAGES; sample++) {
    const which = sample % photos.length
    const views = crops.apply(photos[which]!, crops.plan({ seed: 0, epoch: 0, sample }), into[which])
    if (which === 0) normalize({ data: views[0]!, width: 224, height: 224, channels: 3 }, { into: floats })
    if (sample % 5000 === 4000) resize(huge, { width: 2000, height: 1500 })
    if (sample % 500 !== 499) continue
    resident.push(process.memoryUsage.rss() / MB)
    modules.push(kernels()!.size / MB)
  }
  const quarter = resident.length / 4
  const [early, late] = [resident.slice(quarter, 2 * quarter), resident.slice(-quarter)]
  console.log(
    `resident at its most: ${Math.max(...early).toFixed(0)} MB in the second quarter, ${Math.max(...late).toFixed(0)} MB in the last;`,
    `module at its most, between images: ${Math.max(...modules).toFixed(1)} MB`,
  )
  expect(Math.max(...late)).toBeLessThan(Math.max(...early) + 24)
  expect(Math.max(...modules)).toBeLessThan(8.4) // 8 MiB, from where on it is given back
})
