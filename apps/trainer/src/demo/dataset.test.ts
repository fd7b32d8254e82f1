import { beforeAll, describe, expect, test } from 'vitest'
import { CATEGORIES, decodeEmoji, type EmojiEntry, listEmoji, splitByGroup } from './dataset.js'
import { variantGroup } from './variants.js'

let entries: EmojiEntry[]
beforeAll(() => {
  entries = listEmoji()
})

describe('the embedded data set', () => {
  test('has 1,376 objects in 7 categories, each once', () => {
    expect(entries).toHaveLength(1376)
    expect(new Set(entries.map(({ name }) => name)).size).toBe(1376)
    expect([...new Set(entries.map(({ category }) => category))]).toEqual([...CATEGORIES])
    expect(entries.every(({ label, category }) => CATEGORIES[label] === category)).toBe(true)
  })

  test('has no skin-tone variants', () => {
    expect(entries.filter(({ emoji }) => /[\u{1f3fb}-\u{1f3ff}]/u.test(emoji))).toEqual([])
  })

  test('decodes to pictures with transparent corners', async () => {
    const some = [entries[0], entries[700], entries[1375]]
    for (const { rgba, name } of await decodeEmoji(some, 24)) {
      expect([rgba.width, rgba.height, rgba.data.length], name).toEqual([24, 24, 24 * 24 * 4])
      expect(rgba.data[3], name).toBe(0)
      expect(Math.max(...rgba.data.filter((_, i) => i % 4 === 3)), name).toBe(255)
    }
  })

  test('names the file that it cannot decode', async () => {
    await expect(decodeEmoji([{ ...entries[0], path: '/nowhere.webp' }], 24)).rejects.toThrow('/nowhere.webp')
  })
})

describe('the split', () => {
  test('never divides a group, for any seed', () => {
    for (const seed of [0, 1, 2]) {
      const { train, test: held } = splitByGroup(entries, seed)
      const groups = new Set(train.map((i) => entries[i].group))
      expect(held.filter((i) => groups.has(entries[i].group))).toEqual([])
      expect([...train, ...held].sort((a, b) => a - b)).toEqual([...entries.keys()])
    }
  })

  test('holds out 30 % of each category, or a group more', () => {
    const { test: held } = splitByGroup(entries)
    for (const label of CATEGORIES.keys()) {
      const of = (list: EmojiEntry[]) => list.filter((entry) => entry.label === label).length
      const share = of(held.map((i) => entries[i])) / of(entries)
      expect(share).toBeGreaterThanOrEqual(0.3)
      expect(share).toBeLessThan(0.33)
    }
  })

  test('depends on the seed alone', () => {
    expect(splitByGroup(entries, 5)).toEqual(splitByGroup(entries, 5))
    expect(splitByGroup(entries, 5)).not.toEqual(splitByGroup(entries, 6))
  })
})

describe('gender variants', () => {
  test('share a group, whichever way Unicode writes them', () => {
    for (const variants of [
      ['🏃', '🏃‍♀️', '🏃‍♂️'],
      ['🧑‍🚀', '👩‍🚀', '👨‍🚀'],
      ['🧒', '👦', '👧'],
      ['🧓', '👴', '👵'],
      ['🫅', '🤴', '👸'],
      ['🎅', '🤶', '🧑‍🎄'],
      ['💃', '🕺'],
      ['🤰', '🫃', '🫄'],
      ['👫', '👬', '👭', '🧑‍🤝‍🧑'],
      ['💏', '👩‍❤️‍💋‍👨', '👨‍❤️‍💋‍👨'],
      ['💑', '👩‍❤️‍👩'],
      ['👪', '👨‍👩‍👧', '👩‍👦‍👦'],
    ]) {
      expect(new Set(variants.map(variantGroup)), variants.join(' ')).toHaveProperty('size', 1)
    }
  })

  test('share a group wherever their names differ in who is shown alone', () => {
    const who = /\b(man|men|woman|women|person|people|boy|girl|child)\b/g
    const byName = new Map<string, Set<string>>()
    for (const { name, group, category } of entries) {
      if (category !== 'People & Body') continue
      const key = name.replace(who, '').replace(/\s+/g, ' ').trim()
      byName.set(key, (byName.get(key) ?? new Set()).add(group))
    }
    // 'people hugging' and the like stand alone; 'man', 'woman', 'boy' and 'girl' leave nothing of their names.
    expect([...byName].filter(([key, groups]) => key !== '' && groups.size > 1)).toEqual([])
  })

  test('stay apart from what else people do', () => {
    expect(variantGroup('🏃')).not.toBe(variantGroup('🚶'))
    expect(variantGroup('🧑')).not.toBe(variantGroup('🧒'))
    expect(variantGroup('👨‍🚀')).not.toBe(variantGroup('👨'))
    expect(variantGroup('♀️')).not.toBe(variantGroup('♂️'))
  })
})
