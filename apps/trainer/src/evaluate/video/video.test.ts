import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jaccard } from '@dino/eval'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { runApp } from '../../app.js'
import { toHost } from '../../train/model.js'
import { readLabels, writeLabels } from './label-png.js'
import { frameSize } from './segment-video.js'

// DAVIS in small: squares of two colours that move over noise, which a network with random weights tells apart.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

const FRAMES = 5
const SIDE = 24
const VIDEOS = { wide: [96, 64], tall: [60, 80] } as const
let folder: string
const at = (...path: string[]) => join(folder, ...path)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-video-'))
  mkdirSync(at('DAVIS/ImageSets/2017'), { recursive: true })
  writeFileSync(at('DAVIS/ImageSets/2017/val.txt'), `${Object.keys(VIDEOS).join('\n')}\n`)
  const draws = stream(1, 'frames')
  for (const [name, [width, height]] of Object.entries(VIDEOS)) {
    for (const kind of ['JPEGImages', 'Annotations']) mkdirSync(at('DAVIS', kind, '480p', name), { recursive: true })
    for (let frame = 0; frame < FRAMES; frame++) {
      const labels = Uint8Array.from({ length: width * height }, (_, i) => {
        const [x, y] = [(i % width) - 2 * frame, Math.floor(i / width) - frame]
        if (x >= 4 && x < 4 + SIDE && y >= 6 && y < 6 + SIDE) return 1
        return x >= 30 && x < 30 + SIDE && y >= 30 && y < 30 + SIDE ? 2 : 0
      })
      const colours = [
        [90, 90, 90],
        [220, 40, 40],
        [40, 60, 230],
      ]
      const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
        return colours[labels[Math.floor(i / 3)]!]![i % 3]! + draws.integer(-20, 20)
      })
      const stem = String(frame).padStart(5, '0')
      const picture = sharp(pixels, { raw: { width, height, channels: 3 } }).jpeg({ quality: 95 })
      await picture.toFile(at('DAVIS/JPEGImages/480p', name, `${stem}.jpg`))
      await writeLabels(at('DAVIS/Annotations/480p', name, `${stem}.png`), { labels, width, height })
    }
  }
  const config = vit.config('vit_tiny', { imgSize: 64, patchSize: 32, embedDim: 32, depth: 1, numHeads: 1 })
  await writeSafetensors(at('weights.safetensors'), toHost(vit.init(config, 1)), { num_heads: '1' })
})

afterAll(() => rmSync(folder, { recursive: true, maxRetries: 5 }))

async function video(flags: string, signal = new AbortController().signal) {
  const out = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (out[name] += text) })
  const line = `eval video ${at('weights.safetensors')} ${flags}`
  const io = { stdout: write('stdout'), stderr: write('stderr'), env: process.env, isTTY: false }
  return { status: await runApp(line.trim().split(' '), { ...io, signal }), ...out }
}

test('objects are followed; masks lie as the official evaluation reads them, and score what is printed', async () => {
  const { status, stdout, stderr } = await video(
    `--data ${at('DAVIS')} --masks ${at('masks')} --output ${at('v.json')}`,
  )
  expect(status).toBe(0)
  expect(stderr).toMatch(/^frames 8\/8, tall in /m)
  const rows = stdout
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/ +/))
  expect(rows.map(([name, object]) => `${name} ${object}`)).toEqual([
    'video object',
    'wide 1',
    'wide 2',
    'tall 1',
    'tall 2',
    'all 4',
  ])

  const result = JSON.parse(readFileSync(at('v.json'), 'utf8'))
  expect(result).toMatchObject({ nLastFrames: 7, sizeMaskNeighborhood: 12, topk: 5, network: 'teacher' })
  expect(result.region.mean).toBeGreaterThan(50)
  expect(result.mean).toBeCloseTo((result.region.mean + result.contour.mean) / 2, 9)
  expect(rows[1]![3]).toBe(result.sequences[0].objects[0].region.mean.toFixed(1))

  for (const [name, [width, height]] of Object.entries(VIDEOS)) {
    const given = at('DAVIS/Annotations/480p', name)
    expect(readdirSync(at('masks', name))).toEqual(readdirSync(given))
    expect(readFileSync(at('masks', name, '00000.png'))).toEqual(readFileSync(join(given, '00000.png')))
    // The first frame is given and the last left out.
    const regions = await Promise.all(
      ['00001.png', '00002.png', '00003.png'].map(async (file) => {
        const [mask, truth] = [await readLabels(at('masks', name, file)), await readLabels(join(given, file))]
        expect(mask).toMatchObject({ width, height, palette: truth.palette })
        return jaccard(
          mask.labels.map((label) => Number(label === 2)),
          truth.labels.map((label) => Number(label === 2)),
        )
      }),
    )
    const { objects } = result.sequences.find(({ sequence }: { sequence: string }) => sequence === name)
    expect(objects[1].region.mean).toBeCloseTo((100 * (regions[0]! + regions[1]! + regions[2]!)) / 3, 9)
  }
})

test('videos that are written are not computed again, unless they are not whole or the settings differ', async () => {
  const flags = `--data ${at('DAVIS')} --masks ${at('again')} --json --sequences`
  const whole = await video(`${flags} wide,tall`)
  const written = () => statSync(at('again/wide/00004.png')).mtimeMs
  const before = written()
  rmSync(at('again/tall/00003.png')) // as a call that was killed leaves it
  const second = await video(`${flags} wide,tall`)
  expect(second.stderr).toContain('1 of 2 videos were segmented before.')
  expect(second.stderr).toMatch(/^frames 4\/4, tall in /m)
  expect(second.stdout).toBe(whole.stdout)
  expect(written()).toBe(before)

  const { stderr, stdout } = await video(`${flags} wide --topk 1`)
  expect(stderr).toContain('of other settings or weights: they are replaced')
  expect(stderr).toMatch(/^frames 4\/4, wide in /m)
  expect(JSON.parse(stdout).topk).toBe(1)
  expect((await video(`${flags} wide,tall --topk 1`)).stderr).toContain('1 of 2 videos were segmented before.') // tall is still of topk 5
})

test("beside somebody's weights nothing is written unasked", async () => {
  const before = readdirSync(folder)
  const { status, stdout } = await video(`--data ${at('DAVIS')} --sequences tall --n-last-frames 0 --json`)
  expect(status).toBe(0)
  expect(JSON.parse(stdout).sequences).toHaveLength(1)
  expect(readdirSync(folder)).toEqual(before)
})

test('Ctrl-C ends with 130, and leaves no video that looks whole', async () => {
  const stop = new AbortController()
  const running = video(`--data ${at('DAVIS')} --masks ${at('stopped')}`, stop.signal)
  stop.abort()
  expect((await running).status).toBe(130)
  expect(existsSync(at('stopped/wide'))).toBe(false)
})

test.each<[string, () => void, string]>([
  ['no list', () => rmSync(at('bad/ImageSets'), { recursive: true }), 'ImageSets/2017/val.txt is missing'],
  [
    'a frame without mask',
    () => rmSync(at('bad/Annotations/480p/wide/00002.png')),
    'JPEGImages/480p/wide/00002.jpg has no Annotations/480p/wide/00002.png',
  ],
  ['no frames', () => rmSync(at('bad/JPEGImages/480p/tall'), { recursive: true }), 'JPEGImages/480p/tall is missing'],
])('%s: the layout that is expected is shown', async (_, damage, problem) => {
  rmSync(at('bad'), { recursive: true, force: true })
  for (const name of readdirSync(at('DAVIS'), { recursive: true, encoding: 'utf8' })) {
    if (statSync(at('DAVIS', name)).isDirectory()) mkdirSync(at('bad', name), { recursive: true })
    else writeFileSync(at('bad', name), readFileSync(at('DAVIS', name)))
  }
  damage()
  const { status, stderr } = await video(`--data ${at('bad')}`)
  expect(status).toBe(2)
  expect(stderr).toContain(`--data ${at('bad')}: ${problem}. `)
  expect(stderr).toMatch(/DAVIS 2017 at 480p looks like this:\n {2}ImageSets.*\n {2}JPEGImages.*\n {2}Annotations/)
})

test('a frame that cannot be read is named, and no masks stay that look whole', async () => {
  const frame = at('DAVIS/JPEGImages/480p/tall/00003.jpg')
  const bytes = readFileSync(frame)
  writeFileSync(frame, bytes.subarray(0, 400))
  const { status, stderr } = await video(`--data ${at('DAVIS')} --sequences tall --masks ${at('damaged')}`)
  writeFileSync(frame, bytes)
  expect(status).toBe(1)
  expect(stderr).toContain(`cannot read ${frame}`)
  expect(existsSync(at('damaged/tall'))).toBe(false)
})

test('a misspelt video and the folder above are told', async () => {
  expect(await video(`--data ${at('DAVIS')} --sequences wid`)).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('has no such sequence. Did you mean wide?'),
  })
  expect((await video(`--data ${folder}`)).stderr).toContain(`Do you mean ${at('DAVIS')}?`)
})

test.each([
  [854, 480, 832, 480],
  [910, 480, 896, 480],
  [1920, 1080, 832, 480],
  [480, 854, 480, 832],
  [500, 500, 448, 480], // a square counts as wide
])('a frame of %d x %d pixels is looked at in %d x %d', (width, height, newWidth, newHeight) => {
  expect(frameSize(width, height)).toEqual([newWidth, newHeight])
})
