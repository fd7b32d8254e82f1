import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { runApp } from '../app.js'
import { toHost } from '../train/model.js'
import { installStandIn } from './ffmpeg-stand-in.fixture.js'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

let folder: string
const at = (...path: string[]) => join(folder, ...path)

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-frames-'))
  for (const name of ['frames', 'empty', 'mixed', 'none']) mkdirSync(at(name))
  const frame = (shade: number, width = 50, height = 34) => {
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
      i % (width * 3) < width ? shade : 255 - shade,
    )
    return sharp(pixels, { raw: { width, height, channels: 3 } })
  }
  for (const i of [1, 2, 10])
    await frame(20 * i)
      .png()
      .toFile(at('frames', `frame-${i}.png`))
  writeFileSync(at('frames', 'notes.txt'), 'no frame')
  await frame(10).png().toFile(at('mixed', '1.png'))
  await frame(10, 48, 48).png().toFile(at('mixed', '2.png'))
  const config = vit.config('vit_tiny', { imgSize: 32, patchSize: 8, embedDim: 32, depth: 1, numHeads: 2 })
  await writeSafetensors(at('weights.safetensors'), toHost(vit.init(config, 1)), { num_heads: '2' })
  installStandIn(at('bin'))
  writeFileSync(at('clip.mp4'), JSON.stringify({ width: 33, height: 25, frames: 4, fps: '30000/1001' }))
})

afterAll(() => rmSync(folder, { recursive: true, maxRetries: 5 }))

async function video(line: string, { path = at('bin'), signal = new AbortController().signal } = {}) {
  const out = { stdout: '', stderr: '' }
  const write = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (out[name] += text) })
  const io = { stdout: write('stdout'), stderr: write('stderr'), env: { ...process.env, PATH: path }, isTTY: false }
  const args = `video ${line} --checkpoint ${at('weights.safetensors')}`.split(' ')
  return { status: await runApp(args, { ...io, signal }), ...out }
}

describe('a folder of frames', () => {
  test('becomes a folder of maps, in the order of the numbers, cut to whole patches', async () => {
    const { status, stdout, stderr } = await video(`${at('frames')} ${at('maps')}`)
    expect([status, stdout]).toEqual([0, `${at('maps')}: 3 frames, 4x6 patches, 30 a second\n`])
    expect(stderr).toMatch(/^frames 3\/3 in /m)
    expect(readdirSync(at('maps')).sort()).toEqual(['attn-frame-1.png', 'attn-frame-10.png', 'attn-frame-2.png'])
    expect(await sharp(at('maps/attn-frame-1.png')).metadata()).toMatchObject({ width: 48, height: 32, channels: 3 })
  })

  test('becomes an animation, whole or not at all', async () => {
    const { status } = await video(`${at('frames')} ${at('out/maps.gif')} --fps 12.5 --overlay`)
    expect(status).toBe(0)
    expect(readdirSync(at('out'))).toEqual(['maps.gif'])
    const { pages, delay, width, pageHeight } = await sharp(at('out/maps.gif'), { animated: true }).metadata()
    expect({ pages, delay, width, pageHeight }).toEqual({ pages: 3, delay: [80, 80, 80], width: 48, pageHeight: 32 })
  })

  test('of several sizes is refused by the frame, and leaves nothing', async () => {
    const { status, stderr } = await video(`${at('mixed')} ${at('mixed.gif')}`)
    expect(status).toBe(1)
    expect(stderr).toContain('frame 2: expected 50 x 34 pixels, as the first has, got 48 x 48')
    expect(readdirSync(folder).filter((file) => file.includes('mixed'))).toEqual(['mixed'])
  })

  test('with --threshold shows the frame where that share of the attention lies, and is dark elsewhere', async () => {
    await video(`${at('frames')} ${at('all')} --threshold 1`)
    await video(`${at('frames')} ${at('half')} --threshold 0.5 --json`)
    const [frame, all, half] = await Promise.all(
      [at('frames/frame-2.png'), at('all/attn-frame-2.png'), at('half/attn-frame-2.png')].map((file) =>
        sharp(file).extract({ left: 0, top: 0, width: 48, height: 32 }).raw().toBuffer(),
      ),
    )
    expect(all).toEqual(frame)
    expect(half).not.toEqual(frame)
    const kept = half!.filter((value, i) => value === frame![i]).length / half!.length
    expect(kept).toBeGreaterThan(0.2)
    expect(kept).toBeLessThan(0.9)
  })
})

describe('a video, through ffmpeg', () => {
  test('is decoded and encoded frame by frame, at its own speed', async () => {
    const { status, stdout, stderr } = await video(`${at('clip.mp4')} ${at('attention.mp4')} --json`)
    expect([status, stderr.replace(/ in .*/, '')]).toEqual([0, 'frames 4/4\n'])
    expect(JSON.parse(stdout)).toMatchObject({ frames: 4, rows: 3, columns: 4, fps: 30000 / 1001 })
    const written = JSON.parse(readFileSync(at('attention.mp4'), 'utf8'))
    expect(written).toEqual({ size: '32x24', fps: '30000/1001', pixels: 'rgb24', bytes: 4 * 32 * 24 * 3 })
    expect(readdirSync(folder).filter((file) => file.includes('.part'))).toEqual([])
  })

  test('becomes frames of any size that is asked for', async () => {
    expect((await video(`${at('clip.mp4')} ${at('wide')} --image-size 16 40`)).status).toBe(0)
    expect(readdirSync(at('wide'))).toEqual(['00000', '00001', '00002', '00003'].map((name) => `attn-${name}.png`))
    expect(await sharp(at('wide/attn-00003.png')).metadata()).toMatchObject({ width: 40, height: 16 })
  })

  test('without ffmpeg says what to install, and what works without', async () => {
    const { status, stderr } = await video(`${at('clip.mp4')} ${at('x.mp4')}`, { path: at('none') })
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^ffprobe is needed to read .*clip.mp4, and is not on the PATH. Install ffmpeg .*folders of frames/,
    )
    const encoding = await video(`${at('frames')} ${at('x.mp4')}`, { path: at('none') })
    expect(encoding.stderr).toMatch(/^ffmpeg is needed to write /m)
    expect(existsSync(at('x.mp4'))).toBe(false)
  })

  test('that ffmpeg cannot read is an error in its words', async () => {
    writeFileSync(at('words.mp4'), '"a string, which is JSON and no video"')
    const { status, stderr } = await video(`${at('words.mp4')} ${at('x.gif')}`)
    expect(status).toBe(1)
    expect(stderr).toMatch(/ff(mpeg|probe) could not read .*words.mp4 \(code 1\): /)
  })
})

test('Ctrl-C ends with 130, and leaves no half file', async () => {
  const stop = new AbortController()
  stop.abort()
  const { status } = await video(`${at('frames')} ${at('stopped.gif')}`, { signal: stop.signal })
  expect(status).toBe(130)
  expect(readdirSync(folder).filter((file) => file.includes('stopped'))).toEqual([])
})

test.each([
  ['frames x.gif --overlay --threshold 0.5', 'Leave one out.'],
  ['frames x.gif --fps 60', 'a GIF shows up to 50 frames a second, not 60. Set --fps.'],
  ['frames x.png', 'expected a folder, a .gif or a video (.mp4 .mov .mkv .webm .avi), got .png'],
  ['gone x.gif', 'no such folder of frames, and no such video'],
  ['empty x.gif', 'holds no frames'],
  ['frames x.gif --image-size 4', '--image-size: at least one patch of 8 pixels each way, got 4 x 4'],
])('dino video %s is bad usage', async (line, message) => {
  const { status, stderr } = await video(
    line.replace(/^(\S+) (x\S+)/, (_, input, output) => `${at(input)} ${at(output)}`),
  )
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})
