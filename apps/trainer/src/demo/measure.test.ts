import { describe, expect, test } from 'vitest'
import { histogramFeatures, pixelFeatures } from './baselines.js'
import { CATEGORIES, decodeEmoji, type Emoji, listEmoji } from './dataset.js'
import { fill } from './image.js'
import { makeEvaluationSet, measureBaselines, measureNetwork } from './measure.js'

/** Forty objects, every tenth held out. */
async function fewEmoji(): Promise<Emoji> {
  const entries = listEmoji().filter((_, i) => i % 34 === 0)
  const items = await decodeEmoji(entries, 32)
  const test = [...items.keys()].filter((i) => i % 4 === 0)
  const train = [...items.keys()].filter((i) => i % 4 !== 0)
  return { items, categories: [...CATEGORIES], train, test }
}

describe('a set to evaluate on', async () => {
  const emoji = await fewEmoji()
  const set = makeEvaluationSet(emoji, { size: 16, sceneSize: 32, patchSize: 8, scenes: 8, seed: 0 })

  test('asks about every object, and shows held-out ones in the scenes', () => {
    expect(set.images).toHaveLength(emoji.items.length)
    expect(set.queries).toHaveLength(emoji.items.length)
    expect(set.scenes.every(({ object }) => emoji.test.includes(object))).toBe(true)
  })

  test('a network that returns pixels scores as pixels that are not centred do, and attention on the object is perfect', async () => {
    const scores = await measureNetwork(set, {
      embed: async (images) => Float32Array.from(images),
      // Two heads: one on the object, one off it.
      attention: async () =>
        Float32Array.from(set.scenes.flatMap(({ mask }) => [...Array.from(mask), ...Array.from(mask, (m) => 1 - m)])),
    })
    expect(scores.knn).toBeGreaterThan(0)
    expect(scores.retrieval).toBeGreaterThan(20)
    // Equal attention inside: 60 % of the mass is 60 % of the object's patches.
    expect(scores.attention.bestHeadIndex).toBe(0)
    expect(scores.attention.bestHead).toBeGreaterThan(0.55)
    expect(scores.attention.heads[1]).toBe(0)
    expect(scores.attention.bestHeadOfEachImage).toBe(scores.attention.bestHead)
  })

  test('has baselines: more than chance for pixels and colours, less than a third for attention that looks nowhere', () => {
    const { pixels, histogram, chance, attention } = measureBaselines(set)
    expect(pixels.retrieval).toBeGreaterThan(chance.retrieval)
    expect(histogram.retrieval).toBeGreaterThan(chance.retrieval)
    expect(attention.random).toBeLessThan(0.34)
    expect(attention.centre).toBeGreaterThan(attention.random)
  })
})

describe('baselines', () => {
  const [black, white] = [fill(2, 2, [0, 0, 0]), fill(2, 2, [255, 255, 255])]

  test('pixels are centred on the reference', () => {
    expect(pixelFeatures([black, white]).data).toEqual(
      Float32Array.from({ length: 24 }, (_, i) => (i < 12 ? -0.5 : 0.5)),
    )
    expect(new Set(pixelFeatures([white], [black]).data)).toEqual(new Set([1]))
  })

  test('histograms count colours, not places, and have length 1', () => {
    const { data, dim } = histogramFeatures([
      black,
      { ...white, data: Uint8Array.of(...new Uint8Array(6), 255, 255, 255, 255, 255, 255) },
    ])
    expect(dim).toBe(64)
    expect([data[0], data[63]]).toEqual([1, 0])
    expect(data[64]).toBeCloseTo(Math.SQRT1_2, 6)
    expect(data[127]).toBeCloseTo(Math.SQRT1_2, 6)
  })
})
