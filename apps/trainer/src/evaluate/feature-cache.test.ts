import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as vit from '@dino/vit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Backbone } from '../inspect/backbone.js'
import type { Embedder } from '../inspect/embed.js'
import type { TrainIO } from '../report/io.js'
import type { HostTensor } from '../train/host-tensor.js'
import { imagesInMemory } from '../train/images.js'
import { type CachedFeatureOptions, cachedFeatures, cacheFolder } from './feature-cache.js'

const COUNT = 10
const SIZE = 8
let folder: string
let embedded: number // images that the embedder was given
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dino-cache-'))
  embedded = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

const images = imagesInMemory(
  Array.from({ length: COUNT }, (_, i) => ({
    name: `${i}.png`,
    image: { width: SIZE, height: SIZE, channels: 3, data: new Uint8Array(SIZE * SIZE * 3).fill(20 * i) },
    label: i % 2,
  })),
  ['even', 'odd'],
)

const backbone: Backbone = {
  path: 'runs/a/checkpoint.safetensors',
  run: true,
  config: vit.config('vit_tiny', { imgSize: SIZE, patchSize: 4 }),
  imageSize: SIZE,
  tensors: { cls_token: { dtype: 'float32', shape: [1, 1, 2], data: Float32Array.of(1, 2) } satisfies HostTensor },
  normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
  background: [255, 255, 255],
}

/** Two features an image, its first byte and 1; after `failAt` images it fails, as if the process ended there. */
function counting(failAt = Number.POSITIVE_INFINITY): Embedder {
  const embed = async (pixels: Uint8Array) => {
    const rows = pixels.length / (SIZE * SIZE * 3)
    const features = new Float32Array(rows * 2)
    for (let i = 0; i < rows; i++) {
      if (embedded === failAt) throw new Error('killed')
      features.set([pixels[i * SIZE * SIZE * 3]!, 1], i * 2)
      embedded++
    }
    return features
  }
  return Object.assign(embed, { width: 2, dispose() {} })
}

const silent: TrainIO = {
  stdout: { write() {} },
  stderr: { write() {} },
  env: {},
  signal: new AbortController().signal,
  isTTY: false,
}

const features = (options: Partial<CachedFeatureOptions> = {}) =>
  cachedFeatures(
    images,
    {
      backbone,
      layers: 'cls',
      what: 'train',
      folder,
      embed: counting(),
      size: SIZE,
      background: backbone.background,
      indices: [...Array(COUNT).keys()],
      chunk: 4,
      ...options,
    },
    silent,
  )

const chunks = () => readdirSync(join(folder, readdirSync(folder)[0]!)).sort()
const chunkPath = (name: string) => join(folder, readdirSync(folder)[0]!, name)

test('a second call reads what the first one made', async () => {
  const first = await features()
  expect(embedded).toBe(COUNT)
  expect([...first.data].filter((_, i) => i % 2 === 0)).toEqual(Array.from({ length: COUNT }, (_, i) => 20 * i))
  expect(await features()).toEqual(first)
  expect(embedded).toBe(COUNT)
})

test('a killed extraction goes on where its last whole chunk ended', async () => {
  await expect(features({ embed: counting(6) })).rejects.toThrow('killed')
  expect(chunks()).toEqual(['000000.safetensors'])
  embedded = 0
  const table = await features()
  expect(embedded).toBe(COUNT - 4)
  expect(table.rows).toBe(COUNT)
})

test.each([
  ['cut short', (path: string) => truncateSync(path, 100)],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['of something else', (path: string) => writeFileSync(path, readFileSync(path).subarray(8))],
])('a chunk that is %s is made again', async (_, damage) => {
  const first = await features()
  damage(chunkPath('000002.safetensors'))
  embedded = 0
  expect(await features()).toEqual(first)
  expect(embedded).toBe(2)
})

test('other weights, layers, sizes, pixels, views or images are other features', async () => {
  await features()
  const tensors = { cls_token: { ...backbone.tensors.cls_token!, data: Float32Array.of(1, 3) } }
  await features({ backbone: { ...backbone, tensors } })
  await features({ backbone: { ...backbone, normalization: { mean: [0.4, 0.5, 0.5], std: [0.5, 0.5, 0.5] } } })
  await features({ layers: 'cls of 2 blocks' })
  await features({ background: [0, 0, 0] })
  await features({ view: { name: 'whole', of: (image) => image } })
  await features({ indices: [...Array(COUNT).keys()].reverse() })
  expect(embedded).toBe(7 * COUNT)
  expect(readdirSync(folder)).toHaveLength(7)
})

test('a run keeps its features beside its checkpoint, and the weights of others are kept where one says', () => {
  expect(cacheFolder(backbone)).toBe(join('runs/a', 'features'))
  expect(cacheFolder({ path: 'dino.pth', run: false })).toBeUndefined()
  expect(cacheFolder({ path: 'dino.pth', run: false }, 'mine')).toBe('mine')
})

test('a folder that cannot be made is refused with the flag that names another', async () => {
  writeFileSync(join(folder, 'file'), '')
  await expect(features({ folder: join(folder, 'file') })).rejects.toThrow('Choose a folder with --cache-dir')
})
