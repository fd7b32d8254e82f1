import { stream } from '@dino/random'
import { describe, expect, test } from 'vitest'
import { clutteredGround } from './clutter.js'
import { compositeOn, fill, paste, type Rgba, resizedCrop, stack } from './image.js'
import { cropQueries } from './queries.js'
import { makeScenes, patchMask } from './scenes.js'

/** A disc of one colour, transparent around it. */
function disc(size: number, colour: [number, number, number]): Rgba {
  const data = new Uint8Array(size * size * 4)
  for (let i = 0; i < size * size; i++) {
    const [x, y] = [(i % size) - size / 2 + 0.5, Math.floor(i / size) - size / 2 + 0.5]
    data.set([...colour, x * x + y * y < (size / 2) ** 2 ? 255 : 0], i * 4)
  }
  return { data, width: size, height: size, channels: 4 }
}

const red = disc(32, [200, 30, 30])
const blue = disc(32, [30, 30, 200])
const options = { objects: [red], clutter: [blue], count: 6, size: 48, patchSize: 8, seed: 1 }

describe('makeScenes', () => {
  test('the mask is where the object is: on white, inside is red and outside is not', () => {
    for (const { image, mask, alpha } of makeScenes({ ...options, ground: 'plain' })) {
      expect(mask).toEqual(patchMask(alpha, 48, 8))
      for (let patch = 0; patch < 36; patch++) {
        let covered = 0
        for (let i = 0; i < 64; i++) {
          const [x, y] = [(patch % 6) * 8 + (i % 8), Math.floor(patch / 6) * 8 + Math.floor(i / 8)]
          if (image.data[(y * 48 + x) * 3 + 1] < 140) covered++
        }
        if (covered > 36) expect(mask[patch]).toBe(1)
        if (covered < 28) expect(mask[patch]).toBe(0)
      }
    }
  })

  test('the object is whole: it covers pi/4 of a square of the asked area', () => {
    for (const { alpha } of makeScenes({ ...options, area: [0.3, 0.3] })) {
      const covered = alpha.reduce((sum, a) => sum + a, 0) / (255 * 48 * 48)
      expect(Math.abs(covered - (0.3 * Math.PI) / 4)).toBeLessThan(0.02)
    }
  })

  test('a scene depends on the seed and its number alone', () => {
    const six = makeScenes(options)
    expect(makeScenes({ ...options, count: 2 })[1]).toEqual(six[1])
    expect(makeScenes({ ...options, seed: 2 })[1]).not.toEqual(six[1])
    expect(six[0]).not.toEqual(six[1])
  })

  test('every object is used before one comes again', () => {
    const objects = [red, blue, disc(16, [0, 255, 0])]
    const used = makeScenes({ ...options, objects, ground: 'plain' }).map(({ object }) => object)
    expect(used.slice(0, 3).sort()).toEqual([0, 1, 2])
    expect(used.slice(3).sort()).toEqual([0, 1, 2])
  })

  test('sizes and areas that make no scene are refused', () => {
    expect(() => makeScenes({ ...options, size: 50 })).toThrow('patches of 8 px divide, got 50')
    expect(() => makeScenes({ ...options, area: [0, 2] })).toThrow('got [0, 2]')
    expect(() => makeScenes({ ...options, clutter: [] })).toThrow('got 1 and 0')
  })
})

test('a patch is object from one half of its area on', () => {
  const alpha = new Uint8Array(16)
  alpha.fill(255, 0, 2)
  expect([...patchMask(alpha, 4, 2)]).toEqual([1, 0, 0, 0])
  alpha[1] = 254
  expect([...patchMask(alpha, 4, 2)]).toEqual([0, 0, 0, 0])
})

test('a cluttered ground varies, and differs from the next', () => {
  const draws = stream(0, 'test')
  const [a, b] = [clutteredGround(draws, [blue], 32), clutteredGround(draws, [blue], 32)]
  expect(new Set(a.data).size).toBeGreaterThan(30)
  expect(a).not.toEqual(b)
})

describe('pictures', () => {
  test('on a colour, what is transparent becomes it and what is opaque stays', () => {
    const { data } = compositeOn(red, [1, 2, 3])
    expect([...data.slice(0, 3)]).toEqual([1, 2, 3])
    expect([...data.slice((16 * 32 + 16) * 3).slice(0, 3)]).toEqual([200, 30, 30])
  })

  test('what lies outside the ground is cut off', () => {
    const ground = fill(4, 4, [0, 0, 0])
    paste(ground, { data: new Uint8Array(64).fill(255), width: 4, height: 4, channels: 4 }, -3, 3)
    expect(ground.data.filter((value) => value > 0)).toHaveLength(3)
    expect(ground.data[(3 * 4 + 0) * 3]).toBe(255)
  })

  test('a transparent surround lends no colour to the edge when resized', () => {
    const { data } = resizedCrop(disc(32, [200, 30, 30]), { left: 0, top: 0, width: 32, height: 32 }, 9)
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 64) expect(data[i]).toBeGreaterThan(190)
  })

  test('pictures of different sizes make no batch', () => {
    expect(() => stack([fill(2, 2, [0, 0, 0]), fill(3, 3, [0, 0, 0])])).toThrow('got 3x3 at 1')
  })
})

describe('cropQueries', () => {
  const left = fill(40, 40, [0, 0, 0])
  for (let i = 0; i < 1600; i++) if (i % 40 < 20) left.data.fill(255, i * 3, i * 3 + 3) // white left half
  const brighter = (image: { data: Uint8Array }) => image.data[(10 * 20 + 1) * 3] > image.data[(10 * 20 + 18) * 3]

  test('half of the crops are mirrored', () => {
    const queries = cropQueries(new Array(200).fill(left), { size: 20, seed: 0, area: [0.8, 0.8], ratio: [1, 1] })
    const kept = queries.filter(brighter).length
    expect(kept).toBeGreaterThan(70)
    expect(kept).toBeLessThan(130)
  })

  test('a query depends on the seed and its number alone', () => {
    const [, second] = cropQueries([left, left], { size: 20, seed: 3 })
    expect(cropQueries([left, left, left], { size: 20, seed: 3 })[1]).toEqual(second)
  })
})
