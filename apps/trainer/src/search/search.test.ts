import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Features, nearest } from '@dino/eval'
import { stream } from '@dino/random'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dino, writePhoto, writeTinyVit } from '../inspect/photos.fixture.js'
import { buildGraph, graphPath, hasUsearch, nearestByGraph } from './neighbour-graph.js'
import { readIndex, type SearchIndex } from './search-index.js'
import '../train/host-backend.js'

let folder: string
const at = (...names: string[]) => join(folder, ...names)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-search-'))
  await writeTinyVit(at('vit.safetensors'))
  for (let i = 0; i < 9; i++) {
    await writePhoto(at('photos', i % 2 ? 'odd' : 'even', `${i}.png`), { colour: [25 * i, 120, 230 - 25 * i], seed: i })
  }
})
afterEach(() => rmSync(folder, { recursive: true }))

const build = (...flags: string[]) => dino(['search', 'build', at('photos'), at('index'), ...flags])
const first = ['--checkpoint', 'vit.safetensors']
const query = (...args: string[]) => dino(['search', 'query', at('index'), ...args])
const indexed = async () => (await readIndex(at('index')))!

/** The row of a file, as numbers. */
function rowOf({ files, features: { data, dim } }: SearchIndex, file: string): number[] {
  const row = files.indexOf(file)
  expect(row).toBeGreaterThanOrEqual(0)
  return [...data.subarray(row * dim, (row + 1) * dim)]
}

test('finds the image itself first, in text, JSON and a page', async () => {
  first[1] = at('vit.safetensors')
  const built = await build(...first)
  expect(built.stdout).toBe(`${at('index')}: 9 images (9 new or changed, 0 gone), exact search\n`)

  const images = [at('photos/even/4.png'), at('photos/odd/7.png')]
  const { stdout } = await query(...images, '--k', '3', '--json', '--html', at('found.html'))
  const { results, approximate } = JSON.parse(stdout)
  expect(approximate).toBe(false)
  for (const [i, { query, matches }] of results.entries()) {
    expect(query).toBe(images[i])
    expect(matches).toHaveLength(3)
    expect(matches[0].file).toBe(images[i])
    expect(matches[0].cosine).toBeCloseTo(1, 5)
    expect(matches[1].cosine).toBeGreaterThanOrEqual(matches[2].cosine)
  }
  const text = (await query(images[0]!, '-k', '20')).stdout.trimEnd().split('\n')
  expect(text).toHaveLength(1 + 9) // all there are
  expect(text[1]).toMatch(/^1\.0000 +.*photos.even.4\.png$/)
  const page = readFileSync(at('found.html'), 'utf8')
  expect(page.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(2 * 4)
  expect(page).not.toMatch(/src="(?!data:)/)
})

test('building again embeds what is new or changed, and drops what is gone', async () => {
  first[1] = at('vit.safetensors')
  await build(...first)
  const before = await indexed()
  expect((await build()).stdout).toContain('9 images (0 new or changed, 0 gone)')
  expect((await indexed()).features).toEqual(before.features)

  await writePhoto(at('photos/new.png'), { colour: [250, 10, 10], seed: 20 })
  await writePhoto(at('photos/odd/3.png'), { colour: [10, 10, 250], seed: 21 })
  utimesSync(at('photos/odd/3.png'), 1e9, 1e9) // whatever the clock's steps
  rmSync(at('photos/even/0.png'))
  writeFileSync(at('photos/broken.png'), 'no picture')
  const { stdout, stderr } = await build('--json')
  expect(JSON.parse(stdout)).toMatchObject({ images: 9, added: 2, removed: 1, leftOut: 1 })
  expect(stderr).toContain(`Left out, not readable: ${at('photos/broken.png')}`)
  const after = await indexed()
  expect(after.files).toHaveLength(9)
  expect(after.files).not.toContain(at('photos/even/0.png'))
  expect(rowOf(after, at('photos/even/8.png'))).toEqual(rowOf(before, at('photos/even/8.png')))
  expect(rowOf(after, at('photos/odd/3.png'))).not.toEqual(rowOf(before, at('photos/odd/3.png')))

  const fresh = await dino(['search', 'build', at('photos'), at('fresh'), ...first])
  expect(fresh.status).toBe(0)
  const wanted = (await readIndex(at('fresh')))!
  for (const file of wanted.files) {
    const [row, want] = [rowOf(after, file), rowOf(wanted, file)]
    expect(Math.max(...row.map((x, d) => Math.abs(x - want[d]!)))).toBeLessThan(1e-5)
  }
})

describe('refusals say what to do', () => {
  const refused = async (args: string[], message: string, code = 2) => {
    const { status, stderr } = await dino(args)
    expect(stderr).toContain(message)
    expect(status).toBe(code)
  }

  test('of an index', async () => {
    first[1] = at('vit.safetensors')
    await refused(['search', 'build', at('photos'), at('index')], '--checkpoint is missing')
    await build(...first)
    await writeTinyVit(at('other.safetensors'), 1)
    await refused(
      ['search', 'build', at('photos'), at('index'), '--checkpoint', at('other.safetensors')],
      'was built with weights',
    )
    await refused(['search', 'build', at('photos'), at('index'), '--image-size', '24'], 'at 16 pixels; this is weights')
    await refused(['search', 'build', at('photos'), at('photos'), ...first], 'is no search index')
    await refused(['search', 'query', at('index')], '')
    await refused(['search', 'query', at('photos'), 'x.png'], 'is no search index')
    await refused(['search', 'query', at('index'), at('gone.png')], 'gone.png')
    const other = ['--checkpoint', at('other.safetensors')]
    await refused(['search', 'query', at('index'), at('photos/odd/1.png'), ...other], 'is not the network that made')
    rmSync(at('vit.safetensors'))
    await refused(['search', 'query', at('index'), at('photos/odd/1.png')], 'Say where it is with --checkpoint')
    writeFileSync(at('index/features.safetensors'), 'cut short')
    await refused(['search', 'query', at('index'), at('photos/odd/1.png')], 'build the index again', 1)
  })

  test('of images in archives', async () => {
    first[1] = at('vit.safetensors')
    mkdirSync(at('lists'))
    writeFileSync(at('lists/list.txt'), 'https://localhost:1/a.png\n')
    await refused(['search', 'build', at('lists/list.txt'), at('index'), ...first], 'Unpack it first')
  })
})

/** Rows around a hundred centres, as features of images are: many alike, most not. */
function clustered(rows: number, dim: number, seed: number): Features {
  const centres = Float32Array.from(
    { length: 100 * dim },
    (() => {
      const draws = stream(7, 'centres')
      return () => draws.normal()
    })(),
  )
  const draws = stream(seed, 'rows')
  const data = new Float32Array(rows * dim)
  for (let i = 0; i < rows; i++) {
    const centre = draws.integer(0, 100)
    for (let d = 0; d < dim; d++) data[i * dim + d] = centres[centre * dim + d]! + draws.normal()
  }
  return { data, rows, dim }
}

describe.skipIf(!hasUsearch())('the approximate index', () => {
  test('finds 98 % of what comparing all finds, with the same cosines', () => {
    mkdirSync(at('index'))
    const features = clustered(3000, 32, 1)
    const index: SearchIndex = {
      settings: { weights: '', network: 'teacher', imageSize: 16, background: [255, 255, 255] },
      checkpoint: '',
      files: Array.from({ length: 3000 }, (_, i) => `${i}.png`),
      stamps: new Float64Array(6000),
      features,
    }
    buildGraph(at('index'), index, { threads: 1 })
    const queries = clustered(100, 32, 2)
    const exact = nearest(queries, features, 10)
    const found = nearestByGraph(at('index'), index, queries, 10)
    let hits = 0
    for (let q = 0; q < 100; q++) {
      const wanted = new Map(
        Array.from({ length: 10 }, (_, j) => [exact.indices[q * 10 + j]!, exact.similarities[q * 10 + j]!]),
      )
      for (let j = 0; j < 10; j++) {
        const cosine = wanted.get(found.indices[q * 10 + j]!)
        if (cosine === undefined) continue
        hits++
        expect(found.similarities[q * 10 + j]).toBe(cosine)
      }
    }
    expect(hits / 1000).toBeGreaterThan(0.98)
    expect(nearestByGraph(at('index'), index, queries, 5000).k).toBe(3000)
  })

  test('is built on request, follows the index, and goes when it is not asked for', async () => {
    first[1] = at('vit.safetensors')
    const graphs = () => readdirSync(at('index')).filter((name) => name.startsWith('graph'))
    expect((await build(...first, '--approximate')).stdout).toContain('approximate search')
    const old = graphs()
    expect(old).toHaveLength(1)
    const image = at('photos/even/2.png')
    const found = JSON.parse((await query(image, '--json')).stdout)
    expect(found.approximate).toBe(true)
    const exact = JSON.parse((await query(image, '--json', '--exact')).stdout)
    expect(exact).toEqual({ ...found, approximate: false })

    copyFileSync(image, at('photos/copy.png'))
    await build('--approximate')
    expect(existsSync(graphPath(at('index'), await indexed()))).toBe(true)
    expect(graphs()).toHaveLength(1)
    expect(graphs()).not.toEqual(old)
    const both = JSON.parse((await query(image, '--json', '-k', '2')).stdout).results[0].matches
    expect(both.map(({ file }: { file: string }) => file).sort()).toEqual([at('photos/copy.png'), image])
    await build()
    expect(graphs()).toEqual([])
  })
})
