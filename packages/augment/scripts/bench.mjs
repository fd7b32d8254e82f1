// Times ten crops, each operation, file to crops and the pool: node scripts/bench.mjs [IMAGES]
// IMAGES: a folder or glob; default one synthetic 500x375 JPEG. Prints medians, milliseconds.
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import * as augment from '../dist/index.js'
import { AugmentPool, decode, listImages } from '../dist/node.js'

const ROUNDS = 60

const folder = await mkdtemp(join(tmpdir(), 'augment-bench-'))
try {
  const source = process.argv[2] ?? (await synthetic(join(folder, 'image.jpg')))
  const files = process.argv[2] ? (await listImages(source)).files.map(({ path }) => path) : [source]
  sharp.concurrency(1)
  sharp.cache(false)
  const images = await Promise.all(files.slice(0, 20).map((path) => decode(path)))
  await crops(images)
  await fileToCrops(files)
  await operations(images[0])
  await pool(files)
} finally {
  await rm(folder, { recursive: true })
}

async function crops(images) {
  const { plan, apply } = augment.multiCrop()
  let sample = 0
  const ms = await median(() => {
    const image = images[sample % images.length]
    apply(image, plan({ seed: 0, epoch: 0, sample: sample++ }))
  })
  const { width, height } = images[0]
  console.log(`ten crops of an image (the first ${width}x${height}): ${ms.toFixed(2)}`)
}

async function fileToCrops(files) {
  const { plan, apply } = augment.multiCrop()
  let sample = 0
  const ms = await median(async () => {
    const image = await decode(files[sample % files.length])
    apply(image, plan({ seed: 0, epoch: 0, sample: sample++ }))
  })
  const decoding = await median(() => decode(files[sample++ % files.length]))
  console.log(`file to ten crops: ${ms.toFixed(2)}, of which decoding ${decoding.toFixed(2)}`)
}

async function operations(image) {
  const view = augment.resize(image, { width: 224, height: 224 })
  const box = { top: 0, left: 0, height: Math.ceil(image.height * 0.8), width: Math.ceil(image.width * 0.8) }
  const table = {
    'resizedCrop 0.64 of it to 224': () => augment.resizedCrop(image, { ...box, size: 224 }),
    brightness: () => augment.brightness(view, 1.2),
    contrast: () => augment.contrast(view, 1.2),
    saturation: () => augment.saturation(view, 1.2),
    hue: () => augment.hue(view, 0.07),
    grayscale: () => augment.grayscale(view),
    'gaussianBlur 1': () => augment.gaussianBlur(view, 1),
    'gaussianBlur 2': () => augment.gaussianBlur(view, 2),
    'gaussianBlur 8': () => augment.gaussianBlur(view, 8),
    solarize: () => augment.solarize(view),
    normalize: () => augment.normalize(view),
  }
  for (const [name, run] of Object.entries(table)) console.log(`  ${name}: ${(await median(run)).toFixed(3)}`)
}

async function pool(files) {
  const batches = 6
  const samples = Array.from({ length: 32 }, (_, index) => ({ index, path: files[index % files.length] }))
  for (const workers of new Set([0, 1, availableParallelism()])) {
    const crops = new AugmentPool({ workers, seed: 0 })
    ;(await crops.batch({ epoch: 0, samples })).release()
    const start = performance.now()
    const run = async (epoch) => (await crops.batch({ epoch, samples })).release()
    await Promise.all(Array.from({ length: batches }, (_, epoch) => run(epoch)))
    const perSecond = (batches * samples.length * 1000) / (performance.now() - start)
    console.log(`pool of ${workers} workers: ${perSecond.toFixed(1)} images/s`)
    await crops.terminate()
  }
}

async function median(run) {
  const times = []
  for (let i = 0; i < ROUNDS + 20; i++) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  return times.slice(20).sort((a, b) => a - b)[ROUNDS / 2]
}

/** A smooth picture with some noise, as a photo at quality 90. */
async function synthetic(path) {
  const [width, height] = [500, 375]
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, p = 0; y < height; y++)
    for (let x = 0; x < width; x++, p += 3) {
      const noise = ((x * 7919 + y * 104729) % 31) - 15
      data[p] = 128 + 100 * Math.sin(x / 30) + noise
      data[p + 1] = 128 + 100 * Math.sin(y / 40 + x / 90) + noise
      data[p + 2] = 128 + 90 * Math.cos((x + y) / 50) + noise
    }
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path)
  return path
}
