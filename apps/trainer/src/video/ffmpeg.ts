import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import type { Image } from '@dino/augment'
import { Failure } from '../report/io.js'
import { ppmFrames } from './ppm-frames.js'

type Environment = Readonly<Record<string, string | undefined>>

/** What a video says of itself. */
export interface VideoFacts {
  /** Frames a second, as ffmpeg takes it: `25`, `30000/1001`. */
  fps: string
  seconds?: number
}

const RATE_IF_UNKNOWN = '30'

/** Asks ffprobe, which comes with ffmpeg. */
export async function probeVideo(path: string, env: Environment): Promise<VideoFacts> {
  const entries = 'stream=avg_frame_rate,r_frame_rate:format=duration'
  const args = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', entries, '-of', 'json', resolve(path)]
  const program = run('ffprobe', args, env, `read ${path}`)
  let text = ''
  program.child.stdout!.setEncoding('utf8')
  for await (const chunk of program.child.stdout!) text += chunk
  await program.end()
  const { streams = [], format } = JSON.parse(text) as {
    streams?: { avg_frame_rate?: string; r_frame_rate?: string }[]
    format?: { duration?: string }
  }
  if (streams.length === 0) throw new Failure(`${path} holds no video.`)
  const rates = [streams[0]!.avg_frame_rate, streams[0]!.r_frame_rate]
  const fps = rates.find((rate) => rate !== undefined && rateOf(rate) > 0) ?? RATE_IF_UNKNOWN
  const seconds = Number(format?.duration)
  return { fps, ...(seconds > 0 && { seconds }) }
}

/** Frames a second as a number: of `30000/1001`, 29.97. */
export function rateOf(fps: string): number {
  const [frames, seconds = 1] = fps.split('/').map(Number) as [number, number?]
  return frames / seconds
}

/** Frames of a video as they are decoded, `fps` of them for each second of it; ffmpeg waits while nobody takes one. */
export async function* readVideo(path: string, fps: string, env: Environment): AsyncGenerator<Image> {
  const frames = ['-map', '0:v:0', '-vf', `fps=${fps}`, '-f', 'image2pipe', '-c:v', 'ppm', 'pipe:1']
  const program = run('ffmpeg', ['-v', 'error', '-nostdin', '-i', resolve(path), ...frames], env, `read ${path}`)
  try {
    yield* ppmFrames(program.child.stdout!)
    await program.end()
  } finally {
    program.child.kill()
  }
}

export interface VideoWriter {
  /** @param image RGB, of the size that was said */
  write(image: Image): Promise<void>
  /** Waits for the file to be whole. */
  close(): Promise<void>
  /** Stops at once; what was written is of no use. */
  abandon(): void
}

/** A video file, in the format of its extension, that grows by one frame at a time. */
export function writeVideo(
  path: string,
  { fps, width, height }: { fps: string; width: number; height: number },
  env: Environment,
): VideoWriter {
  const raw = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', fps, '-i', 'pipe:0']
  // Players take colours at half the size only: sides must be even.
  const coded = ['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p', '-y', resolve(path)]
  const program = run('ffmpeg', ['-v', 'error', ...raw, ...coded], env, `write ${path}`)
  const { stdin } = program.child
  stdin!.on('error', () => undefined) // it ended early, and end() says why
  return {
    async write({ data }) {
      if (program.hasEnded()) return program.end()
      if (stdin!.write(data)) return
      await Promise.race([once(stdin!, 'drain').catch(() => undefined), program.end()])
    },
    close() {
      stdin!.end()
      return program.end()
    },
    abandon: () => program.child.kill(),
  }
}

interface Program {
  child: ChildProcess
  hasEnded(): boolean
  /** @throws Failure with what the program said, unless it ended well */
  end(): Promise<void>
}

/** @param what it is to do, for errors: `read clip.mp4` */
function run(command: 'ffmpeg' | 'ffprobe', args: string[], env: Environment, what: string): Program {
  const child = spawn(command, args, { env: env as NodeJS.ProcessEnv, stdio: ['pipe', 'pipe', 'pipe'] })
  let errors = ''
  let ended = false
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000)
  })
  const outcome = new Promise<Failure | undefined>((done) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      done(error.code === 'ENOENT' ? missing(command, what) : new Failure(`Cannot start ${command}: ${error.message}`))
    })
    child.on('close', (code, signal) => {
      const last = errors.trim().split('\n').slice(-3).join('\n')
      done(code === 0 ? undefined : new Failure(`${command} could not ${what} (${signal ?? `code ${code}`}): ${last}`))
    })
  })
  outcome.then(() => {
    ended = true
  })
  return {
    child,
    hasEnded: () => ended,
    end: async () => {
      const failure = await outcome
      if (failure) throw failure
    },
  }
}

function missing(command: string, what: string): Failure {
  return new Failure(
    `${command} is needed to ${what}, and is not on the PATH. Install ffmpeg (https://ffmpeg.org), or use folders of frames instead of ` +
      'videos: IN may be one, and OUT a folder or a .gif.',
  )
}
