import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { decodeEmoji, listEmoji, splitByGroup } from './dataset.js'

/**
 * The embedded data set as folders, as any other: train/ and val/, one sub-folder a category, PNG with alpha.
 *
 * Nothing is done where the folder is there already; it appears whole or not at all.
 *
 * @param size pixels of a side; the pictures have 256
 * @returns the folder
 */
export async function writeEmojiFolders(folder: string, { size = 64 }: { size?: number } = {}): Promise<string> {
  if (existsSync(folder)) return folder
  const entries = listEmoji()
  const { test } = splitByGroup(entries)
  const inTest = new Set(test)
  const part = `${folder}.part`
  await rm(part, { recursive: true, force: true })
  for (const [i, { rgba, category, name }] of (await decodeEmoji(entries, size)).entries()) {
    const target = join(
      part,
      inTest.has(i) ? 'val' : 'train',
      plain(category),
      `${String(i).padStart(4, '0')}-${plain(name)}.png`,
    )
    await mkdir(dirname(target), { recursive: true })
    const raw = { width: rgba.width, height: rgba.height, channels: 4 as const }
    await sharp(rgba.data, { raw }).png().toFile(target)
  }
  await rename(part, folder)
  return folder
}

/** Letters, digits and dashes: a name for any file system. */
function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}
