import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { Failure } from '../failure.js'

const photos = fileURLToPath(new URL('../peers/photos.py', import.meta.url)) // beside the folder of this file once built

/** Photographs of the peers' packages; without peers, one picture of waves and noise. */
export async function makePhotos(folder: string, python: string | undefined): Promise<void> {
  await mkdir(folder, { recursive: true })
  if (python) {
    const { status, stderr } = spawnSync(python, [photos, folder], { encoding: 'utf8' })
    if (status !== 0) throw new Failure(`photos.py failed:\n${stderr.trim().slice(-1000)}`, 1)
    return
  }
  const [width, height] = [500, 375]
  const pixel = (i: number) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3]
    return 128 + 80 * Math.sin(x / (9 + c)) * Math.cos(y / 17) + ((Math.imul(i + 1, 2654435761) >>> 28) - 8)
  }
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => pixel(i))
  const image = sharp(data, { raw: { width, height, channels: 3 } })
  await image.jpeg({ quality: 90 }).toFile(join(folder, 'waves.jpg'))
}
