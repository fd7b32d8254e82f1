import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { stream } from '@dino/random'
import * as vit from '@dino/vit'
import { writeSafetensors } from '@dino/weights/node'
import sharp, { type Sharp } from 'sharp'
import { runApp } from '../app.js'
import { toHost } from '../train/model.js'

/** Weights that nobody trained, of images of 32 pixels in patches of 8: a file that `dino` reads. */
export async function writeTinyVit(file: string, seed = 0): Promise<void> {
  const config = vit.config('vit_tiny', { imgSize: 32, patchSize: 8, embedDim: 32, depth: 2, numHeads: 2 })
  await writeSafetensors(file, toHost(vit.init(config, seed)), { num_heads: '2' })
}

/** A picture of coarse random colours, the same for the same name: what tells one image from another here. */
export function picture(name: string, width: number, height: number): Sharp {
  const draws = stream(0, name)
  const data = Uint8Array.from({ length: 6 * 6 * 3 }, () => draws.integer(0, 256))
  return sharp(data, { raw: { width: 6, height: 6, channels: 3 } }).resize(width, height, {
    kernel: 'cubic',
    fit: 'fill',
  })
}

/** Writes an image in the format of its name, and the folders above it. */
export async function writePicture(file: string, image: Sharp): Promise<void> {
  mkdirSync(dirname(file), { recursive: true })
  await (file.endsWith('.jpg') ? image.jpeg({ quality: 95 }) : image.png()).toFile(file)
}

/** The command line as a person calls it. */
export async function dino(...args: string[]) {
  const out = { stdout: '', stderr: '' }
  const code = await runApp(args, {
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
    env: process.env,
    signal: new AbortController().signal,
    isTTY: false,
  })
  return { code, ...out }
}
