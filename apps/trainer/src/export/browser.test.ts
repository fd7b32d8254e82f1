import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { largestDifference } from '@dino/fixtures'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findBrowser } from '../../../../scripts/find-browser.mjs'
import { graphModel } from './graph-model.js'
import { networkCases, ofBatch } from './networks.fixture.js'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 }) // a browser on a busy machine, perhaps to be installed first

const found = findBrowser()
if (found.missing !== undefined) console.warn(`SKIPPED, a graph model in a browser: ${found.missing}.`)

/** TensorFlow.js as pages load it, by script tags. */
const require = createRequire(import.meta.url)
const scripts = ['core', 'backend-cpu', 'converter'].map((part) => {
  return join(dirname(require.resolve(`@tensorflow/tfjs-${part}/package.json`)), 'dist', `tf-${part}.min.js`)
})
const cases = [networkCases()[0]!, networkCases().at(-1)!]
const files: Record<string, string | Uint8Array> = {
  '/index.html': ['<!doctype html>', ...scripts.map((_, i) => `<script src="/${i}.js"></script>`)].join('\n'),
  ...Object.fromEntries(scripts.map((path, i) => [`/${i}.js`, readFileSync(path)])),
}
for (const [i, { network }] of cases.entries())
  for (const [name, contents] of Object.entries(graphModel(network, {}))) files[`/${i}/${name}`] = contents

let server: Server
let browser: Browser

beforeAll(async () => {
  if (found.missing !== undefined) return
  server = createServer(({ url = '' }, response) => {
    const contents = files[url]
    if (url.endsWith('.html')) response.setHeader('content-type', 'text/html')
    response.writeHead(contents === undefined ? 404 : 200).end(contents)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  browser = await chromium.launch({
    executablePath: found.path,
    env: { ...(process.env as Record<string, string>), ...found.env },
    args: ['--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 180_000,
  })
})

afterAll(async () => {
  await browser?.close()
  server?.close()
})

test.skipIf(found.missing !== undefined)('tf.loadGraphModel runs what was exported in a browser', async () => {
  const page = await browser.newPage()
  page.setDefaultTimeout(180_000)
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/index.html`)
  for (const [i, each] of cases.entries()) {
    const { images, expected } = ofBatch(2, each)
    for (const [name, { shape, data }] of Object.entries(expected)) {
      const result = await page.evaluate(runInPage, {
        url: `/${i}/model.json`,
        name,
        shape: images.shape,
        data: [...images.data],
      })
      expect(result.shape).toEqual(shape)
      expect(largestDifference(result.data, data), name).toBeLessThan(1e-4)
    }
  }
})

/** Runs in the page, where `tf` is what the scripts define. */
async function runInPage({ url, name, shape, data }: { url: string; name: string; shape: number[]; data: number[] }) {
  // biome-ignore lint/suspicious/noExplicitAny: a global of the page
  const tf = (globalThis as any).tf
  const model = await tf.loadGraphModel(url)
  const images = tf.transpose(tf.tensor(data, shape), [0, 2, 3, 1])
  const result = model.execute({ images }, name)
  return { shape: result.shape as number[], data: [...result.dataSync()] as number[] }
}
