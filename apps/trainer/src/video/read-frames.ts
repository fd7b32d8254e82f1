import { existsSync, readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { Image } from '@dino/augment'
import { decode } from '@dino/augment/node'
import { Failure, type TrainIO } from '../report/io.js'
import { probeVideo, rateOf, readVideo } from './ffmpeg.js'

/** Frames in order, made while they are taken. */
export interface FrameSource {
  frames: AsyncIterable<{ name: string; image: Image }>
  /** Frames a second, as ffmpeg takes it. */
  fps: string
  /** How many there will be, as far as is known. */
  total: number | undefined
}

export interface ReadOptions {
  /** Frames a second: what a folder is shown at, what a video is sampled at. */
  fps?: number
  background: readonly [number, number, number]
}

const PICTURES = new Set(['.jpg', '.jpeg', '.png', '.webp', '.avif', '.tif', '.tiff', '.gif'])
/** `video_generation.py`'s (METHOD.md, 1.20). */
const FPS_OF_FOLDERS = 30

/** A folder of frames, by the numbers in their names, or a video, through ffmpeg. */
export async function openFrames(path: string, { fps, background }: ReadOptions, io: TrainIO): Promise<FrameSource> {
  if (!existsSync(path)) throw new Failure(`${path}: no such folder of frames, and no such video.`, 2)
  if (!statSync(path).isDirectory()) {
    const facts = await probeVideo(path, io.env)
    const rate = fps === undefined ? facts.fps : String(fps)
    const total = facts.seconds && Math.max(1, Math.round(facts.seconds * rateOf(rate)))
    return { frames: numbered(readVideo(path, rate, io.env)), fps: rate, total }
  }
  const files = readdirSync(path).filter((file) => PICTURES.has(extname(file).toLowerCase()))
  if (files.length === 0) throw new Failure(`${path} holds no frames: no .jpg, .png or other picture lies in it.`, 2)
  const { compare } = new Intl.Collator('en', { numeric: true })
  files.sort((a, b) => compare(a, b) || (a < b ? -1 : 1)) // frame-2 before frame-10
  const frames = async function* () {
    for (const file of files) {
      yield { name: file.slice(0, -extname(file).length), image: await decode(join(path, file), { background }) }
    }
  }
  return { frames: frames(), fps: String(fps ?? FPS_OF_FOLDERS), total: files.length }
}

async function* numbered(images: AsyncIterable<Image>): AsyncGenerator<{ name: string; image: Image }> {
  let number = 0
  for await (const image of images) yield { name: String(number++).padStart(5, '0'), image }
}
