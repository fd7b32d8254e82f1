import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { tarOf, zipOf } from './archives-for-tests.js'
import { AugmentPool, type Dataset, decode, openDataset } from './node.js'

vi.setConfig({ testTimeout: 60_000 }) // threads that start on a busy machine

/** A server of some files; `meddle` may answer in its place. */
let server: Server
let base: string
let requests: string[]
let meddle: (request: IncomingMessage, response: ServerResponse) => boolean
const files: Record<string, Buffer> = {}

beforeAll(async () => {
  for (let i = 0; i < 6; i++) {
    const create = { width: 30 + i, height: 20, channels: 3 as const, background: { r: 40 * i, g: 90, b: 7 } }
    files[`/photos/${i}.jpg`] = await sharp({ create }).jpeg().toBuffer()
  }
  const images = Object.entries(files).map(([name, data]) => [name.slice(1), data] as const)
  files['/all.tar'] = tarOf(images)
  files['/all.zip'] = zipOf(images, { deflate: true })
  for (const i of [0, 1]) files[`/part-${i}.tar`] = tarOf(images.slice(3 * i, 3 * i + 3))
  files['/list.txt'] = Buffer.from(images.map(([name], i) => `${name} ${i % 2}\n`).join(''))
  files['/empty.tar'] = Buffer.alloc(0)
  server = createServer((request, response) => {
    requests.push(`${request.url} ${request.headers.range ?? 'whole'}`)
    if (meddle(request, response)) return
    const file = files[request.url!.split('?')[0]!]
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (!file) response.writeHead(404).end('none')
    else if (from === undefined) response.writeHead(200).end(file)
    else if (Number(from) >= file.length) response.writeHead(416).end()
    else {
      const last = Math.min(Number(to), file.length - 1)
      response
        .writeHead(206, { 'content-range': `bytes ${from}-${last}/${file.length}`, etag: `"${file.length}"` })
        .end(file.subarray(Number(from), last + 1))
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  requests = []
  meddle = () => false
})

async function widths(dataset: Dataset): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < dataset.count; i++) {
    const sample = dataset.sample(i)
    all.push((await decode('part' in sample ? sample.part : sample.path)).width)
  }
  return all
}

test.each(['all.tar', 'all.zip', 'part-{0..1}.tar', 'list.txt'])('%s is read from a server', async (name) => {
  const dataset = await openDataset(`${base}/${name}`)
  expect(await widths(dataset)).toEqual([30, 31, 32, 33, 34, 35])
  expect(requests.filter((line) => line.includes('whole')).length).toBe(name === 'list.txt' ? 7 : 0)
  if (name === 'list.txt') expect(dataset.labels).toEqual(Int32Array.of(0, 1, 0, 1, 0, 1))
})

test('threads read it themselves, with the same bytes as this one', async () => {
  const samplesOf = (dataset: Dataset) => Array.from({ length: dataset.count }, (_, i) => dataset.sample(i))
  const samples = samplesOf(await openDataset(`${base}/all.zip`))
  const views: Uint8Array[][] = []
  for (const workers of [0, 1, 2]) {
    const pool = new AugmentPool({ seed: 1, workers, options: { globalSize: 16, localSize: 8, localCrops: 1 } })
    const batch = await pool.batch({ epoch: 0, samples })
    expect(batch.failed).toEqual([])
    views.push(batch.views)
    await pool.terminate()
  }
  expect(views[1]).toEqual(views[0])
  expect(views[2]).toEqual(views[0])
})

test('a cached index costs one request an archive', async () => {
  const cache = mkdtempSync(join(tmpdir(), 'augment-'))
  const first = await openDataset(`${base}/all.tar`, { cache })
  requests = []
  const second = await openDataset(`${base}/all.tar`, { cache })
  rmSync(cache, { recursive: true })
  expect(requests).toEqual(['/all.tar bytes=0-0'])
  expect(second.names).toEqual(first.names)
})

describe('what goes wrong on the way', () => {
  test('for a moment is tried again', async () => {
    let failures = 0
    meddle = (_, response) => {
      failures++
      if (failures === 1) response.writeHead(503).end()
      else if (failures === 2) response.destroy()
      else if (failures === 4) response.writeHead(206, { 'content-range': 'bytes 0-511/9999' }).destroy()
      return [1, 2, 4].includes(failures)
    }
    expect((await openDataset(`${base}/all.tar`)).count).toBe(6)
    expect(requests.length).toBeGreaterThan(4)
  })

  test('for good is an error that says how often, and hides what may be a secret', async () => {
    meddle = (_, response) => !!response.writeHead(500).end()
    const error = await openDataset(`${base}/all.tar?token=abc`).catch((e) => e)
    expect(error.message).toBe(
      `openDataset: ${base}/all.tar: the server said 500 Internal Server Error (tried 5 times)`,
    )
    expect(requests.length).toBe(5)
  })

  test('a missing file is not tried again', async () => {
    await expect(openDataset(`${base}/none.tar`)).rejects.toThrow('none.tar: the server said 404')
    expect(requests.length).toBe(1)
  })

  test('a server without ranges', async () => {
    meddle = (_, response) => !!response.writeHead(200).end(files['/all.tar'])
    await expect(openDataset(`${base}/all.tar`)).rejects.toThrow('answers range requests with status 200')
  })

  test('a server that sends other bytes, or more than were asked for', async () => {
    meddle = (_, response) => !!response.writeHead(206, { 'content-range': 'bytes 7-7/20000' }).end('x')
    const shifted = openDataset(`${base}/all.tar`)
    await expect(shifted).rejects.toThrow(/asked for bytes 0-19999, the server sent bytes 7-7/)
    meddle = (request, response) =>
      request.headers.range !== 'bytes=0-0' &&
      !!response
        .writeHead(206, { 'content-range': `${request.headers.range!.replace('=', ' ')}/10240` })
        .end('y'.repeat(2e5))
    await expect(openDataset(`${base}/all.tar`)).rejects.toThrow('bytes, the server sent more')
  })

  test('an empty file, a folder, a compressed shard', async () => {
    await expect(openDataset(`${base}/empty.tar`)).rejects.toThrow('empty.tar: it is empty')
    await expect(openDataset(`${base}/photos`)).rejects.toThrow('a server lists no folders')
    await expect(openDataset(`${base}/all.tar.gz`)).rejects.toThrow('compressed tar file')
  })

  test('an image that is cut off fails alone, and its name has no secret', async () => {
    const dataset = await openDataset(`${base}/all.tar?key=abc`)
    meddle = (_, response) => !!response.writeHead(404).end()
    const pool = new AugmentPool({ seed: 1, workers: 1, options: { globalSize: 16, localCrops: 0 } })
    const { failed } = await pool.batch({ epoch: 0, samples: [dataset.sample(1)] })
    await pool.terminate()
    expect(failed).toEqual([
      { row: 0, index: 1, path: `${base}/all.tar#photos/1.jpg`, reason: 'the server said 404 Not Found' },
    ])
  })
})
