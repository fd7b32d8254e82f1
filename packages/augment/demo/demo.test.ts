import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { findBrowser } from '../../../scripts/find-browser.mjs'
import { type Image, multiCrop, recipes } from '../src/index.js'
import { page as demoPage } from './build.mjs'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 300_000 }) // a browser on a busy machine, perhaps to be installed first

const found = findBrowser()
if (found.missing !== undefined) console.warn(`SKIPPED, the demo in a browser: ${found.missing}.`)

/** Colours and edges, opaque, of which a PNG keeps every byte. */
const photo: Image = {
  data: Uint8Array.from({ length: 150 * 100 * 3 }, (_, i) => (i * i * 31 + (i % 450) * 17 + ((i / 450) | 0) * 5) % 256),
  width: 150,
  height: 100,
  channels: 3,
}

describe.skipIf(found.missing !== undefined)('the demo in a browser', () => {
  let folder: string
  let browser: Browser
  let page: Page
  const problems: string[] = []

  beforeAll(async () => {
    if (found.missing !== undefined) return
    folder = mkdtempSync(join(tmpdir(), 'dino-demo-'))
    writeFileSync(join(folder, 'index.html'), await demoPage())
    browser = await chromium.launch({
      executablePath: found.path,
      env: { ...(process.env as Record<string, string>), ...found.env },
      args: ['--disable-gpu', '--disable-dev-shm-usage'],
      timeout: 180_000,
    })
    page = await browser.newPage()
    page.setDefaultTimeout(180_000)
    page.on('pageerror', ({ message }) => problems.push(message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(pathToFileURL(join(folder, 'index.html')).href)
    await done()
  })

  afterAll(async () => {
    await browser?.close()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  const done = () => page.waitForFunction(() => document.body.dataset.state === 'done')
  const hash = () => page.evaluate(() => document.body.dataset.hash)
  const inNode = (options: Parameters<typeof multiCrop>[0], sample = 0) => {
    const augment = multiCrop(options)
    const sum = createHash('sha256')
    for (const view of augment.apply(photo, augment.plan({ seed: 0, epoch: 0, sample }))) sum.update(view)
    return sum.digest('hex')
  }
  /** As someone drops a file: the page gets the event that a browser sends. */
  const drop = async (name: string, type: string, bytes: Uint8Array) => {
    await page.evaluate(
      ([name, type, base64]) => {
        const transfer = new DataTransfer()
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
        transfer.items.add(new File([bytes], name, { type }))
        delete document.body.dataset.state
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }))
      },
      [name, type, Buffer.from(bytes).toString('base64')] as const,
    )
    await page.waitForFunction(() => /done|failed/.test(document.body.dataset.state ?? ''))
  }

  test('shows ten views of its sample before anything is dropped', async () => {
    expect(await page.locator('.view').count()).toBe(10)
  })

  test('a dropped image becomes the bytes that Node makes of its pixels, for every key and recipe', async () => {
    const { data, width, height, channels } = photo
    await drop('photo.png', 'image/png', await sharp(data, { raw: { width, height, channels } }).png().toBuffer())
    expect(await page.locator('#name').textContent()).toBe('photo.png, 150×100')
    expect(await hash()).toBe(inNode({}))
    expect(await page.locator('#status').textContent()).toContain('WebAssembly SIMD')

    await page.locator('#next').click()
    await done()
    expect(await hash()).toBe(inNode({}, 1))

    await page.locator('#recipe').selectOption('dinov2')
    await done()
    expect(await hash()).toBe(inNode(recipes.dinov2, 1))

    await page.locator('#localCrops').fill('3')
    await done()
    expect(await page.locator('.view').count()).toBe(5)
    expect(await hash()).toBe(inNode({ ...recipes.dinov2, localCrops: 3 }, 1))
  })

  test('each view tells what was drawn for it, and on a click how it came about', async () => {
    const [crop] = multiCrop({ ...recipes.dinov2, localCrops: 3 }).plan({ seed: 0, epoch: 0, sample: 1 })
    const caption = (await page.locator('.view figcaption').first().textContent())!
    expect(caption).toMatch(/^global 1 \d+×\d+ at \d+,\d+, \d+ % of the area/)
    expect(caption.includes('flipped')).toBe(crop!.flip)
    await page.locator('.view').first().click()
    expect(await page.locator('.steps figure').count()).toBe(
      1 + Number(crop!.flip) + crop!.jitter.length + Number(crop!.grayscale) + Number(crop!.blur !== null),
    )
    await page.locator('dialog').click()
    await page.locator('dialog').waitFor({ state: 'detached' })
  })

  test('a wrong option and a file that is no image are told, and the page goes on', async () => {
    await page.locator('#globalLow').fill('1')
    await page.locator('#globalHigh').fill('0.5')
    await page.waitForFunction(() => document.body.dataset.state === 'failed')
    expect(await page.locator('#error').textContent()).toContain('globalScale to be [low, high]')
    await page.locator('#recipe').selectOption('dino')
    await done()
    await drop('notes.txt', 'text/plain', Buffer.from('no image'))
    expect(await page.locator('#error').textContent()).toContain('notes.txt is no image')
  })

  test('nothing went wrong that nobody saw', () => expect(problems).toEqual([]))
})
