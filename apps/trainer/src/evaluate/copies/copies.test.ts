import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyDescriptor } from '@dino/eval'
import { openSession } from '@dino/graph'
import * as vit from '@dino/vit'
import * as tf from '@tensorflow/tfjs-core'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadBackbone } from '../../inspect/backbone.js'
import { normalizeImages } from '../../inspect/embed.js'
import { prefixed } from '../../train/model.js'
import { dino, picture, writePicture, writeTinyVit } from '../tiny-vit.fixture.js'
import { copyEmbedder } from './copy-embedder.js'

// Copydays in small: 4 originals, 2 strong copies of the first three and one of the last, two grades of JPEG.
const ORIGINALS = ['200000', '200100', '200200', '211500']
let folder: string
const at = (...names: string[]) => join(folder, ...names)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-copies-'))
  await writeTinyVit(at('vit.safetensors'))
  for (const name of ORIGINALS) {
    await writePicture(at('data', 'original', `${name}.jpg`), picture(name, 60, 44))
    for (const quality of [8, 75]) {
      const poor = await picture(name, 60, 44).jpeg({ quality }).toBuffer()
      await writePicture(at('data', 'jpegqual', `${quality}`, `${name}.jpg`), sharp(poor))
    }
    for (const copy of name === '211500' ? [1] : [1, 2]) {
      const altered = picture(name, 50, 50).modulate({ brightness: 1 + 0.1 * copy, saturation: 0.7 })
      await writePicture(at('data', 'strong', `${name.slice(0, 4)}0${copy}.jpg`), altered)
    }
  }
  for (let i = 0; i < 80; i++) {
    await writePicture(at('others', `${i}.jpg`), picture(`other ${i}`, 40, 40))
    if (i < 5) await writePicture(at('distractors', 'deep', `${i}.png`), picture(`distractor ${i}`, 40, 30))
  }
})
afterAll(() => rmSync(folder, { recursive: true }))

const copies = (...args: string[]) =>
  dino('eval', 'copies', at('vit.safetensors'), '--data', at('data'), '--cache-dir', at('cache'), ...args)

test('every kind of alteration is scored, strong first', async () => {
  const { code, stdout, stderr } = await copies()
  expect(stderr).not.toContain('Error')
  expect(code).toBe(0)
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  expect(rows[0]).toEqual(['alteration', 'copies', 'mAP %'])
  expect(rows.slice(1, 4).map(([name, count]) => [name, count])).toEqual([
    ['strong', '7'],
    ['jpegqual/8', '4'],
    ['jpegqual/75', '4'],
  ])
  expect(rows[3]![2]).toBe('100.00')
})

test('distractors lie among the originals, and whitening is learned from other images', async () => {
  const { code, stdout, stderr } = await copies(
    ...['--distractors', at('distractors'), '--whitening', at('others'), '--output', at('result.json'), '--json'],
  )
  expect(code).toBe(0)
  expect(stderr).toContain('original: features of 4 images were there')
  expect(stderr).not.toContain('directions are unknown') // 80 images for 64 features
  const result = JSON.parse(readFileSync(at('result.json'), 'utf8'))
  expect(JSON.parse(stdout)).toEqual(result)
  expect(result).toMatchObject({ imageSize: 32, originals: 4, database: 9, uncentredCovariance: false })
  expect(result.map['jpegqual/75']).toBe(100)
  const uncentred = await copies('--whitening', at('others'), '--uncentred-covariance', '--json')
  expect(JSON.parse(uncentred.stdout)).toMatchObject({ uncentredCovariance: true, database: 4 })
})

test('the descriptor inside the graph is that of @dino/eval', async () => {
  const backbone = await loadBackbone(at('vit.safetensors'))
  const { config, normalization } = backbone
  const session = await openSession({ engine: 'auto' })
  await session.create(prefixed('backbone.', backbone.tensors))
  const shared = { session, config, prefix: 'backbone.', normalization }
  const embed = await copyEmbedder({ ...shared, batch: 1, height: 40, width: 24 })
  const pixels = await picture('any', 24, 40).raw().toBuffer()
  const actual = await embed(new Uint8Array(pixels))
  await session.close()
  const tokens = tf.tidy(() => {
    const params = Object.fromEntries(
      Object.entries(backbone.tensors).map(([name, { shape, data }]) => [name, tf.tensor(data as Float32Array, shape)]),
    )
    const images = normalizeImages(tf.tensor4d(new Int32Array(pixels), [1, 40, 24, 3], 'int32'), normalization)
    return vit.intermediateLayers(config, params, images, 1)[0]!
  })
  const [, N, dim] = tokens.shape
  const expected = copyDescriptor({ data: tokens.dataSync<'float32'>(), images: 1, tokens: N, dim })
  tokens.dispose()
  expect(actual.length).toBe(expected.dim)
  for (const [i, value] of actual.entries()) expect(value).toBeCloseTo(expected.data[i]!, 4)
})

test('what is not there, orphans and unreadable copies are refused with what to do', async () => {
  const nothing = await dino('eval', 'copies', at('vit.safetensors'), '--data', at('others'))
  expect(nothing.code).toBe(2)
  expect(nothing.stderr).toContain('original/ holds no .jpg. Copydays looks like this:')
  expect(nothing.stderr).toMatch(/^ {2}strong\/200001.jpg/m)
  const uncentred = await copies('--uncentred-covariance')
  expect([uncentred.code, uncentred.stderr]).toEqual([2, expect.stringContaining('say with --whitening')])

  writeFileSync(at('data', 'strong', '200003.jpg'), 'no image')
  const unreadable = await copies()
  rmSync(at('data', 'strong', '200003.jpg'))
  expect([unreadable.code, unreadable.stderr]).toEqual([1, expect.stringContaining('200003.jpg cannot be read')])

  writeFileSync(at('data', 'strong', '299901.jpg'), 'no image')
  const orphan = await copies()
  rmSync(at('data', 'strong', '299901.jpg'))
  expect([orphan.code, orphan.stderr]).toEqual([2, expect.stringContaining('strong/299901.jpg has no original')])
})
