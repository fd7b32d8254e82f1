import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import '../../train/host-backend.js'
import { dino, picture, writePicture, writeTinyVit } from '../tiny-vit.fixture.js'
import { shrink } from './multi-scale.js'
import { readGroundTruth } from './revisited-data.js'

// Revisited Oxford in small: 3 buildings, each in an upright and a wide picture, and pictures of something else.
const BUILDINGS = ['all_souls', 'ashmolean', 'balliol']
const OTHERS = ['bodleian_000000', 'christ_church_000000', 'cornmarket_000000', 'hertford_000000']
const database = [...BUILDINGS.flatMap((name) => [`${name}_000000`, `${name}_000001`]), ...OTHERS]
const queries = BUILDINGS.map((name) => `${name}_000013`)
const truth = BUILDINGS.map((_, i) => ({ bbx: [20.4, 8, 60, 48], easy: [2 * i], hard: [2 * i + 1], junk: [9] }))

let folder: string
const at = (...names: string[]) => join(folder, ...names)
const jpg = (name: string) => at('data', 'roxford5k', 'jpg', `${name}.jpg`)
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-retrieval-'))
  await writeTinyVit(at('vit.safetensors'))
  for (const name of BUILDINGS) {
    await writePicture(jpg(`${name}_000000`), picture(name, 48, 48))
    await writePicture(jpg(`${name}_000001`), picture(name, 48, 44))
    const building = await picture(name, 40, 40).png().toBuffer()
    const street = await picture('street', 96, 64).png().toBuffer()
    await writePicture(jpg(`${name}_000013`), sharp(street).composite([{ input: building, left: 20, top: 8 }]))
  }
  for (const [i, name] of OTHERS.entries()) await writePicture(jpg(name), picture(name, 40 + 10 * i, 60))
  const gnd = pickle({ imlist: database, qimlist: queries, gnd: truth })
  writeFileSync(at('data', 'roxford5k', 'gnd_roxford5k.pkl'), gnd)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What Python writes for dictionaries, lists, texts and numbers, in protocol 2. */
function pickle(value: unknown): Uint8Array {
  const bytes: number[] = [0x80, 2]
  const write = (item: unknown): void => {
    if (typeof item === 'string') {
      bytes.push(...Buffer.from('X'), ...new Uint8Array(Uint32Array.of(item.length).buffer), ...Buffer.from(item))
    } else if (typeof item === 'number') {
      bytes.push(...Buffer.from('G'), ...new Uint8Array(Float64Array.of(item).buffer).reverse())
    } else if (Array.isArray(item)) {
      bytes.push(...Buffer.from(']'))
      for (const each of item) {
        write(each)
        bytes.push(...Buffer.from('a'))
      }
    } else {
      bytes.push(...Buffer.from('}'))
      for (const [key, each] of Object.entries(item as object)) {
        write(key)
        write(each)
        bytes.push(...Buffer.from('s'))
      }
    }
  }
  write(value)
  return Uint8Array.from([...bytes, ...Buffer.from('.')])
}

const retrieval = (...args: string[]) =>
  dino('eval', 'retrieval', at('vit.safetensors'), '--data', at('data'), '--dataset', 'roxford5k', ...args)

test('buildings are found again by the box around them, and not by the whole picture', async () => {
  const cut = await retrieval('--output', at('result.json'), '--cache-dir', at('cache'))
  expect(cut.stderr).not.toContain('Error')
  expect(cut.code).toBe(0)
  const rows = cut.stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  expect(rows[0]).toEqual(['mAP %', 'mP@1 %', 'mP@5 %', 'mP@10 %'])
  expect(rows[1]).toEqual(['easy', '100.00', '100.00', '100.00', '100.00'])
  expect(rows.map(([level]) => level).slice(1, 4)).toEqual(['easy', 'medium', 'hard'])
  const result = JSON.parse(readFileSync(at('result.json'), 'utf8'))
  expect(result).toMatchObject({
    ...{ dataset: 'roxford5k', imageSize: 32, multiscale: false, wholeQueries: false, queries: 3, database: 10 },
    easy: { map: 100, precisionAt: { 1: 100 } },
  })
  const whole = await retrieval('--whole-queries', '--cache-dir', at('cache'), '--json')
  expect(whole.stderr).toContain('database: features of 10 images were there')
  expect(whole.stderr).not.toContain('queries: features of')
  expect(JSON.parse(whole.stdout).medium.map).toBeLessThan(result.medium.map)
})

test('at three scales features are others, and nothing is written unasked beside weights of others', async () => {
  const [one, three] = [await retrieval('--json'), await retrieval('--json', '--multiscale')]
  expect([one.code, three.code]).toEqual([0, 0])
  expect(JSON.parse(three.stdout)).toMatchObject({ multiscale: true, easy: { precisionAt: { 1: 100 } } })
  expect(existsSync(at('retrieval-roxford5k.json'))).toBe(false)
})

test('images too small for the network at a scale are refused with what to do', async () => {
  const { code, stderr } = await retrieval('--image-size', '15', '--multiscale')
  expect(code).toBe(2)
  expect(stderr).toMatch(/An image has \d+ x \d+ pixels at this --image-size, and the network needs 16 each way/)
})

test('what is not there is refused with the layout that is expected', async () => {
  const paris = await dino('eval', 'retrieval', at('vit.safetensors'), '--data', at('data'), '--dataset', 'rparis6k')
  expect(paris.code).toBe(2)
  expect(paris.stderr).toContain('rparis6k/gnd_rparis6k.pkl is missing.')
  expect(paris.stderr).toMatch(/^ {2}rparis6k\/jpg\/.*images/m)
  const inside = await dino(
    ...['eval', 'retrieval', at('vit.safetensors'), '--data', at('data', 'roxford5k'), '--dataset', 'roxford5k'],
  )
  expect(inside.stderr).toContain(`Do you mean ${at('data')}?`)

  renameSync(jpg('balliol_000001'), at('away.jpg'))
  const without = await retrieval()
  renameSync(at('away.jpg'), jpg('balliol_000001'))
  expect(without.code).toBe(2)
  expect(without.stderr).toContain('roxford5k/jpg/balliol_000001.jpg is missing')
})

test('an image that cannot be read ends it, since leaving it out would shift the truth, until it is there again', async () => {
  renameSync(jpg('hertford_000000'), at('away.jpg'))
  writeFileSync(jpg('hertford_000000'), 'no image')
  const { code, stderr } = await retrieval('--cache-dir', at('mended'))
  renameSync(at('away.jpg'), jpg('hertford_000000'))
  expect(code).toBe(1)
  expect(stderr).toContain('hertford_000000.jpg cannot be read')
  expect((await retrieval('--cache-dir', at('mended'))).code).toBe(0)
})

// pickle.dumps of { imlist: ['a', 'b', 'c'], qimlist: ['q'], gnd: [{ bbx: np.array([1.5, 2, 30, 40.25]), easy: np.array([2]),
// hard: np.array([], int64), junk: [np.int64(0)] }] } by NumPy 2
const NUMPY =
  'gASVhgEAAAAAAAB9lCiMBmltbGlzdJRdlCiMAWGUjAFilIwBY5RljAdxaW1saXN0lF2UjAFxlGGMA2duZJRdlH2UKIwDYmJ4lIwWbnVtcHkuX2NvcmUubXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsBSwSFlGgQjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDIAAAAAAAAPg/AAAAAAAAAEAAAAAAAAA+QAAAAAAAIERAlHSUYowEZWFzeZRoD2gSSwCFlGgUh5RSlChLAUsBhZRoGYwCaTiUiYiHlFKUKEsDaB1OTk5K/////0r/////SwB0lGKJQwgCAAAAAAAAAJR0lGKMBGhhcmSUaA9oEksAhZRoFIeUUpQoSwFLAIWUaCiJQwCUdJRijARqdW5rlF2UaA2MBnNjYWxhcpSTlGgoQwgAAAAAAAAAAJSGlFKUYXVhdS4='

test('the ground truth may hold arrays of NumPy', () => {
  expect(readGroundTruth('gnd.pkl', Buffer.from(NUMPY, 'base64'))).toEqual({
    database: ['a', 'b', 'c'],
    queries: [{ name: 'q', bbx: [1.5, 2, 30, 40.25], easy: [2], hard: [], junk: [0] }],
  })
})

test.each([
  [Buffer.from('cos\nsystem\n(X\x04\0\0\0echotR.'), 'os.system, which is no data. Nothing was run.'],
  [pickle({ imlist: ['a'], qimlist: ['q'] }), 'expected a dictionary with gnd'],
  [pickle({ imlist: ['a'], qimlist: ['q'], gnd: [] }), 'as many entries of gnd as of qimlist, got 0 and 1'],
  [
    pickle({ imlist: ['a'], qimlist: ['q'], gnd: [{ bbx: [0, 0, 1, 1], easy: [1], hard: [], junk: [] }] }),
    'easy to name images of imlist, 0 to 0, got 1',
  ],
])('a ground truth that is none is refused: %#', (bytes, message) => {
  expect(() => readGroundTruth('gnd.pkl', bytes)).toThrow(message)
})

test("images are shrunk as by PyTorch's interpolate with a scale factor", () => {
  const image = tf.tensor4d(
    Float32Array.from({ length: 70 }, (_, i) => i ** 2 % 17),
    [2, 5, 7, 1],
  )
  const small = shrink(image, Math.SQRT1_2)
  expect(small.shape).toEqual([2, 3, 4, 1])
  const expected = [
    3.18503, 4.9632, 10.34419, 10.80657, 10.47183, 6.25, 5.52735, 3.23885, 13.9487, 4.58117, 14.71194, 12.63225,
    3.97792, 8.58452, 12.91926, 6.60556, 7.02208, 5.62868, 1.52565, 8.27439, 6.86039, 10.13308, 12.67641, 13.42514,
  ]
  for (const [i, value] of small.dataSync().entries()) expect(value).toBeCloseTo(expected[i]!, 4)
  tf.dispose([image, small])
})
