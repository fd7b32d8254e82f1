import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { runApp } from '../app.js'
import { toHost } from '../train/model.js'

/** Runs a command line in this process, as a person would in theirs. @param stopAt presses Ctrl-C once stderr has said that */
export async function dino(args: readonly string[], { stopAt }: { stopAt?: string } = {}) {
  const stop = new AbortController()
  const out = { stdout: '', stderr: '' }
  const sink = (name: 'stdout' | 'stderr') => ({
    write(text: string) {
      out[name] += text
      if (stopAt !== undefined && out[name].includes(stopAt)) stop.abort()
    },
  })
  const io = { stdout: sink('stdout'), stderr: sink('stderr'), env: process.env, signal: stop.signal, isTTY: false }
  const status = await runApp(args, io)
  return { status, ...out }
}

/** Weights of a network of width 32 with random weights, for images of 16 pixels in 4 patches. */
export async function writeTinyVit(path: string, seed = 0): Promise<vit.VitConfig> {
  const config = vit.config('vit_tiny', { imgSize: 16, patchSize: 8, embedDim: 32, depth: 3, numHeads: 2 })
  await writeSafetensors(path, toHost(vit.init(config, seed)), { num_heads: '2' })
  return config
}

export interface Photo {
  /** Red, green and blue of its middle; noise of its own is added. */
  colour: readonly [number, number, number]
  seed: number
  width?: number
  height?: number
}

/** A picture: coloured noise in a gradient. */
export async function writePhoto(path: string, { colour, seed, width = 24, height = 20 }: Photo): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const draws = stream(seed, 'photo')
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const shade = (Math.floor(i / 3 / width) / height - 0.5) * 60
    return Math.max(0, Math.min(255, colour[i % 3]! + shade + draws.integer(-40, 40)))
  })
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path)
}
