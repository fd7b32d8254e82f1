import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { permutation } from '@dino/random'
import sharp from 'sharp'
import type { Rgba } from './image.js'
import { codePoints, variantGroup } from './variants.js'

/** The categories of Unicode that show objects: all but Flags and Symbols. */
export const CATEGORIES = [
  'Smileys & Emotion',
  'People & Body',
  'Animals & Nature',
  'Food & Drink',
  'Travel & Places',
  'Activities',
  'Objects',
] as const

export interface EmojiEntry {
  /** Unicode's short name, such as 'red apple'. */
  name: string
  emoji: string
  category: string
  /** Index of the category. */
  label: number
  /** Shared by gender variants: a group lies on one side of the split. */
  group: string
  path: string
}

export interface EmojiItem extends EmojiEntry {
  /** [size, size, 4] */
  rgba: Rgba
}

export interface Emoji {
  items: EmojiItem[]
  categories: string[]
  /** Indices of items, rising. */
  train: number[]
  test: number[]
}

export interface LoadEmojiOptions {
  /** Pixels of a side; the files have 256. */
  size: number
  /** Of the split. Default 0: every run of the demo is tested on the same objects. */
  seed?: number
}

/** Decoders at once: enough to keep two cores busy. */
const DECODERS = 8
const TEST_SHARE = 0.3

/** The embedded data set, decoded: 1,376 shaded 3-D objects with alpha, in 7 categories, split 70 : 30 (1.5 s on 2 cores). */
export async function loadEmoji({ size, seed = 0 }: LoadEmojiOptions): Promise<Emoji> {
  const entries = listEmoji()
  return { items: await decodeEmoji(entries, size), categories: [...CATEGORIES], ...splitByGroup(entries, seed) }
}

/**
 * The objects of @lobehub/fluent-emoji-3d that have one of our categories in unicode-emoji-json, in Unicode's order.
 *
 * Skin-tone variants are not in it: unicode-emoji-json lists base emoji, with gender variants as emoji of their own.
 */
export function listEmoji(): EmojiEntry[] {
  const assets = join(packageFolder('@lobehub/fluent-emoji-3d'), 'assets')
  const labels = join(packageFolder('unicode-emoji-json'), 'data-by-emoji.json')
  const known = JSON.parse(readFileSync(labels, 'utf8')) as Record<string, { name: string; group: string }>
  const files = fileNames(assets)
  const entries: EmojiEntry[] = []
  for (const [emoji, { name, group: category }] of Object.entries(known)) {
    const label = (CATEGORIES as readonly string[]).indexOf(category)
    const file = files.get(codePoints(emoji)) ?? files.get(withoutStyle(codePoints(emoji)))
    if (label < 0 || file === undefined) continue
    entries.push({ name, emoji, category, label, group: variantGroup(emoji), path: join(assets, file) })
  }
  return entries
}

/**
 * Every group on one side, and in each category 30 % of the objects in the test set (or just over, by a group's rest).
 */
export function splitByGroup(entries: readonly EmojiEntry[], seed = 0): { train: number[]; test: number[] } {
  const test: number[] = []
  for (const label of new Set(entries.map((entry) => entry.label))) {
    const groups = new Map<string, number[]>()
    let size = 0
    for (const [i, entry] of entries.entries()) {
      if (entry.label !== label) continue
      groups.set(entry.group, [...(groups.get(entry.group) ?? []), i])
      size++
    }
    const lists = [...groups.values()]
    const order = permutation(lists.length, seed, label)
    let taken = 0
    for (const i of order) {
      if (taken >= TEST_SHARE * size) break
      test.push(...lists[i])
      taken += lists[i].length
    }
  }
  const inTest = new Set(test)
  return { train: [...entries.keys()].filter((i) => !inTest.has(i)), test: test.sort((a, b) => a - b) }
}

/** The pictures of the entries, resized with alpha. */
export async function decodeEmoji(entries: readonly EmojiEntry[], size: number): Promise<EmojiItem[]> {
  const items = new Array<EmojiItem>(entries.length)
  const todo = entries.entries()
  await Promise.all(
    Array.from({ length: DECODERS }, async () => {
      for (const [i, entry] of todo) items[i] = { ...entry, rgba: await decode(entry, size) }
    }),
  )
  return items
}

async function decode({ path, name }: EmojiEntry, size: number): Promise<Rgba> {
  try {
    const picture = sharp(path).resize(size, size, { kernel: 'cubic', fit: 'fill' }).toColourspace('srgb').ensureAlpha()
    return { data: new Uint8Array(await picture.raw().toBuffer()), width: size, height: size, channels: 4 }
  } catch (cause) {
    throw new Error(`Cannot decode ${name} (${path}): ${(cause as Error).message}. Install the dependencies afresh.`, {
      cause,
    })
  }
}

/** Files by code points, as they are and, for emoji that the two packages spell differently, without the style selector. */
function fileNames(folder: string): Map<string, string> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.webp'))
  const names = new Map(files.map((file) => [withoutStyle(file.slice(0, -'.webp'.length)), file]))
  for (const file of files) names.set(file.slice(0, -'.webp'.length), file)
  return names
}

function withoutStyle(points: string): string {
  return points.replaceAll('-fe0f', '')
}

function packageFolder(name: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  } catch (cause) {
    throw new Error(`The demo's data, npm package ${name}, is not installed. Run the set-up again: npm start.`, {
      cause,
    })
  }
}
