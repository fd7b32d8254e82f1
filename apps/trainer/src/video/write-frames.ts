import { existsSync, statSync } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { Image } from '@dino/augment'
import { writeFileAtomic } from '@dino/weights/node'
import { encodePng } from '../inspect/images.js'
import { Failure, type TrainIO } from '../report/io.js'
import { rateOf, writeVideo } from './ffmpeg.js'
import { GifEncoder, MOST_FPS } from './gif.js'

/** Takes frames one at a time; a video or GIF is there once it is closed, whole, or not at all. */
export interface FrameSink {
  write(name: string, image: Image): Promise<void>
  close(): Promise<void>
  abandon(): Promise<void>
}

const VIDEOS = ['.mp4', '.mov', '.mkv', '.webm', '.avi']

type Kind = 'folder' | 'gif' | 'video'

/** What OUT is, by its name. */
export function kindOf(path: string, fps: string): Kind {
  if (existsSync(path) && statSync(path).isDirectory()) return 'folder'
  const extension = extname(path).toLowerCase()
  if (extension === '') return 'folder'
  if (VIDEOS.includes(extension)) return 'video'
  if (extension !== '.gif') {
    throw new Failure(`${path}: expected a folder, a .gif or a video (${VIDEOS.join(' ')}), got ${extension}.`, 2)
  }
  if (rateOf(fps) <= MOST_FPS) return 'gif'
  throw new Failure(`${path}: a GIF shows up to ${MOST_FPS} frames a second, not ${fps}. Set --fps.`, 2)
}

/** @param size of every frame */
export async function openSink(
  path: string,
  { fps, ...size }: { fps: string; width: number; height: number },
  io: TrainIO,
): Promise<FrameSink> {
  const kind = kindOf(path, fps)
  await mkdir(kind === 'folder' ? path : dirname(path), { recursive: true })
  if (kind === 'folder') {
    return {
      write: async (name, image) => writeFileAtomic(join(path, `attn-${name}.png`), await encodePng(image)),
      close: async () => undefined,
      abandon: async () => undefined,
    }
  }
  const part = join(dirname(path), `.${basename(path, extname(path))}.part${extname(path)}`)
  const sink = kind === 'gif' ? await gifFile(part, rateOf(fps)) : video(part, { fps, ...size }, io)
  return {
    write: sink.write,
    async close() {
      await sink.close()
      await rename(part, path)
    },
    async abandon() {
      await sink.abandon()
      await rm(part, { force: true })
    },
  }
}

function video(path: string, size: { fps: string; width: number; height: number }, { env }: TrainIO): FrameSink {
  const writer = writeVideo(path, size, env)
  return {
    write: (_, image) => writer.write(image),
    close: () => writer.close(),
    abandon: async () => writer.abandon(),
  }
}

async function gifFile(path: string, fps: number): Promise<FrameSink> {
  const file: FileHandle = await open(path, 'w')
  const encoder = new GifEncoder(fps)
  return {
    async write(_, image) {
      await file.writeFile(await encoder.frame(image))
    },
    async close() {
      await file.writeFile(encoder.end())
      await file.close()
    },
    abandon: () => file.close(),
  }
}
