import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as vit from '@dino/vit'
import { readNpy, readSafetensors } from '@dino/weights/node'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { imagesOf } from '../train/images.js'
import { loadBackbone } from './backbone.js'
import { normalizeImages } from './embed.js'
import { evalPixels } from './features.js'
import { dino, writePhoto, writeTinyVit } from './photos.fixture.js'
import '../train/host-backend.js'

const COUNT = 11
let folder: string
let photos: string
let weights: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-extract-'))
  photos = join(folder, 'photos')
  weights = join(folder, 'vit.safetensors')
  await writeTinyVit(weights)
  for (let i = 0; i < COUNT; i++) {
    const path = join(photos, i % 2 ? 'odd' : 'even', `${String(i).padStart(2, '0')}.png`)
    await writePhoto(path, { colour: [20 * i, 128, 255 - 20 * i], seed: i })
  }
  writeFileSync(join(photos, 'even', '05-broken.png'), 'not a picture')
})
afterAll(() => rmSync(folder, { recursive: true }))

const at = (...names: string[]) => join(folder, ...names)
const extract = (output: string, ...flags: string[]) =>
  dino(['extract', weights, '--data', photos, '--output', at(output), ...flags])

/** What the network says of the readable photos, op by op. */
async function expected(run: (config: vit.VitConfig, params: vit.Params, images: tf.Tensor4D) => tf.Tensor) {
  const { config, tensors, normalization, background } = await loadBackbone(weights)
  const images = await imagesOf(photos)
  const { pixels, indices } = await evalPixels(images, [...Array(images.count).keys()], { size: 16, background })
  return tf.tidy(() => {
    const params = Object.fromEntries(
      Object.entries(tensors).map(([name, { shape, data }]) => [name, tf.tensor(data as Float32Array, shape)]),
    )
    const out = run(config, params, normalizeImages(tf.tensor4d(pixels, [indices.length, 16, 16, 3]), normalization))
    return { shape: out.shape, data: out.dataSync() as Float32Array }
  })
}

function expectClose(actual: ArrayBufferView, wanted: Float32Array) {
  expect((actual as Float32Array).length).toBe(wanted.length)
  const apart = (actual as Float32Array).reduce((most, x, i) => Math.max(most, Math.abs(x - wanted[i]!)), 0)
  expect(apart).toBeLessThan(1e-4)
}

test('patches are the tokens of the last block without [CLS], row by row, and blocks the [CLS] of the last ones', async () => {
  expect((await extract('patches.safetensors', '--features', 'patches')).status).toBe(0)
  const patches = await readSafetensors(at('patches.safetensors'))
  expect(patches.metadata).toMatchObject({ features: 'patches', grid: '2x2', imageSize: '16' })
  expect(patches.tensors.features!.shape).toEqual([COUNT, 4, 32])
  const tokens = await expected((...args) => tf.slice(vit.intermediateLayers(...args, 1)[0]!, [0, 1, 0], [-1, 4, 32]))
  expectClose(patches.tensors.features!.data, tokens.data)

  const { stdout } = await extract('blocks.safetensors', '--features', 'blocks', '--blocks', '2', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ rows: COUNT, dim: 32, shape: [COUNT, 2, 32], leftOut: 1 })
  const blocks = await readSafetensors(at('blocks.safetensors'))
  const cls = await expected((...args) =>
    tf.stack(
      vit.intermediateLayers(...args, 2).map((x) => tf.reshape(tf.slice(x, [0, 0, 0], [-1, 1, 32]), [-1, 32])),
      1,
    ),
  )
  expectClose(blocks.tensors.features!.data, cls.data)
})

test('bf16 features are near those of fp32, say what they are, and do not go into a folder of the others', async () => {
  expect((await extract('whole.safetensors')).status).toBe(0)
  expect((await extract('half.safetensors', '--precision', 'bf16')).status).toBe(0)
  const [whole, half] = [await readSafetensors(at('whole.safetensors')), await readSafetensors(at('half.safetensors'))]
  expect([whole.metadata.precision, half.metadata.precision]).toEqual(['fp32', 'bf16'])
  const [a, b] = [whole, half].map(({ tensors }) => tensors.features!.data as Float32Array) as [
    Float32Array,
    Float32Array,
  ]
  const apart = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0)
  expect(apart).toBeGreaterThan(0)
  expect(apart).toBeLessThan(0.1) // of numbers of the size of 1

  const folder = ['--output', at('precisions'), '--shard-size', '4']
  expect((await dino(['extract', weights, '--data', photos, ...folder])).status).toBe(0)
  const { status, stderr } = await dino(['extract', weights, '--data', photos, ...folder, '--precision', 'bf16'])
  expect(status).toBe(2)
  expect(stderr).toContain('(precision fp32 there, bf16 here)')
})

test('npy holds the same numbers as safetensors, and its rows are named beside it', async () => {
  const { stderr, stdout } = await extract('a.npy', '--format', 'npy')
  expect(stderr).toContain(`Left out, not readable: ${join(photos, 'even', '05-broken.png')}`)
  expect(stdout).toContain(`${COUNT} rows of 32 features, 1 images left out`)
  await extract('a.safetensors')
  const array = await readNpy(at('a.npy'))
  const { tensors, metadata } = await readSafetensors(at('a.safetensors'))
  expect(array).toEqual(tensors.features)
  const rows = JSON.parse(readFileSync(at('a.json'), 'utf8'))
  expect(rows.files).toEqual(JSON.parse(metadata.files!))
  expect(rows.labels).toEqual([...(tensors.labels!.data as Int32Array)])
  expect(rows).toMatchObject({ classes: ['even', 'odd'], features: 'cls' })
})

describe('shards', () => {
  const shards = (output: string, ...flags: string[]) => extract(output, '--shard-size', '4', ...flags)
  const index = (output: string) => JSON.parse(readFileSync(at(output, 'index.json'), 'utf8'))

  async function rowsOf(output: string): Promise<{ files: string[]; data: number[] }> {
    const files: string[] = []
    const data: number[] = []
    for (const { file, shape } of index(output).shards) {
      const { tensors, metadata } = await readSafetensors(at(output, file))
      expect(tensors.features!.shape).toEqual(shape)
      files.push(...(JSON.parse(metadata.files!) as string[]))
      data.push(...(tensors.features!.data as Float32Array))
    }
    return { files, data }
  }

  test('together hold what one file holds', async () => {
    const { stdout } = await shards('whole', '--json')
    expect(JSON.parse(stdout)).toEqual({
      output: at('whole'),
      rows: 11,
      dim: 32,
      shape: [11, 32],
      leftOut: 1,
      shards: 3,
    })
    await extract('one.safetensors')
    const { tensors, metadata } = await readSafetensors(at('one.safetensors'))
    const rows = await rowsOf('whole')
    expect(rows.files).toEqual(JSON.parse(metadata.files!))
    expectClose(Float32Array.from(rows.data), tensors.features!.data as Float32Array)
    expect(index('whole')).toMatchObject({
      complete: true,
      rows: 11,
      shards: [
        { file: '000000.safetensors', images: [0, 4], shape: [3, 32], leftOut: 1 },
        { images: [4, 8], shape: [4, 32] },
        { images: [8, 12], shape: [4, 32] },
      ],
    })
  })

  test('of npy read alike', async () => {
    await shards('npy', '--format', 'npy', '--features', 'patches')
    expect(readdirSync(at('npy')).sort()).toEqual(
      ['0', '1', '2'].flatMap((i) => [`00000${i}.json`, `00000${i}.npy`]).concat('index.json'),
    )
    expect((await readNpy(at('npy', '000000.npy'))).shape).toEqual([3, 4, 32])
    expect(index('npy').about).toMatchObject({ rowShape: [4, 32], grid: [2, 2] })
  })

  test('that are whole are kept; one cut short, and what a killed process left, are made again', async () => {
    await shards('killed')
    const before = await rowsOf('killed')
    const first = readFileSync(at('killed', '000000.safetensors'))
    writeFileSync(at('killed', '000000.safetensors'), Buffer.from(first).fill(7)) // would show if it were made again
    truncateSync(at('killed', '000001.safetensors'), 40)
    writeFileSync(at('killed', '.000001.safetensors.x.tmp'), '')
    const { status, stderr } = await shards('killed')
    expect(status).toBe(0)
    expect(stderr).toContain('holds 1 of 3 shards already')
    expect(readFileSync(at('killed', '000000.safetensors'))).toEqual(Buffer.from(first).fill(7))
    writeFileSync(at('killed', '000000.safetensors'), first)
    expect(await rowsOf('killed')).toEqual(before)
    expect(readdirSync(at('killed'))).toHaveLength(4)
    expect((await shards('killed')).stderr).toContain('holds 3 of 3 shards already')
  })

  test('go on after Ctrl-C', async () => {
    const stopped = await dino(
      ['extract', weights, '--data', photos, '--output', at('stopped'), '--shard-size', '1'],
      { stopAt: 'Left out' }, // in the third of twelve
    )
    expect(stopped.status).toBe(130)
    const { stderr, status } = await extract('stopped', '--shard-size', '1')
    expect(status).toBe(0)
    expect(stderr).toMatch(/holds [23] of 12 shards already/)
    expect(index('stopped')).toMatchObject({ complete: true, rows: 11, leftOut: 1 })
  })

  test('of other settings, weights or images are refused by what differs', async () => {
    await shards('set')
    const refused = async (...args: string[]) => {
      const { status, stderr } = await dino(args)
      expect(status).toBe(2)
      return stderr
    }
    const same = ['--output', at('set'), '--shard-size', '4']
    expect(await refused('extract', weights, '--data', photos, ...same, '--features', 'blocks')).toContain(
      'holds other features (features cls there, blocks here; row-shape 32 there, 3x32 here)',
    )
    await writeTinyVit(at('other.safetensors'), 1)
    expect(await refused('extract', at('other.safetensors'), '--data', photos, ...same)).toMatch(
      /\(weights \w+ there, \w+ here\)/,
    )
    expect(await refused('extract', weights, '--data', join(photos, 'odd'), ...same)).toContain(
      'images 12 there, 5 here',
    )
    copyFileSync(weights, at('photos', 'notes.txt'))
    expect(await refused('extract', weights, '--data', photos, '--shard-size', '4', '--output', photos)).toContain(
      'holds no features (no index.json)',
    )
    rmSync(at('photos', 'notes.txt'))
  })
})

test.each([
  [['--blocks', '2'], '--blocks is for --features blocks, not cls.'],
  [['--features', 'blocks', '--blocks', '4'], 'has 3 blocks.'],
  [['--features', 'patches', '--image-size', '7'], 'at least one patch of 8 pixels, got 7'],
  [['--features', 'tokens'], '--features: expected one of cls, patches, blocks, got "tokens"'],
  [['--shard-size', '0'], '--shard-size: expected a whole number, at least 1'],
])('%j is refused', async (flags, message) => {
  const { status, stderr } = await extract('refused', ...flags)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})
