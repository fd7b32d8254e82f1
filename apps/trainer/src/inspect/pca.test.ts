import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stream } from '@dino/random'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EachImage, fitBasis, inFront, type PatchTokens, patchColours } from './pca-basis.js'
import { dino, writePhoto, writeTinyVit } from './photos.fixture.js'
import '../train/host-backend.js'

/** Grids of 6 x 6 patches in 8 dimensions: an object of 2 x 2 or more within, far from its ground. */
function scenes(seed = 0): PatchTokens[] {
  const draws = stream(seed, 'scenes')
  return [2, 3, 2].map((side, k) => {
    const data = new Float32Array(36 * 8)
    for (let patch = 0; patch < 36; patch++) {
      const [y, x] = [Math.floor(patch / 6), patch % 6]
      const object = y > k && y <= k + side && x > 1 && x <= 1 + side
      for (let d = 0; d < 8; d++)
        data[patch * 8 + d] = 0.1 * draws.normal() + (object ? [9, 0, 3, y - 3, 0, 0, 0, x - 3][d]! : 1)
    }
    return { data, rows: 6, columns: 6 }
  })
}

const eachOf =
  (images: PatchTokens[]): EachImage =>
  async (visit) => {
    for (const tokens of images) visit(tokens)
  }

describe('a basis', () => {
  test('with foreground finds the object in each image, whichever way the first component points', async () => {
    for (const sign of [1, -1]) {
      const images = scenes().map((tokens) => ({ ...tokens, data: tokens.data.map((value) => sign * value) }))
      const { basis } = await fitBasis(eachOf(images), 8, 'w', true)
      const found = images.map((tokens) => inFront(tokens, basis.foreground!).reduce((sum, value) => sum + value, 0))
      expect(found).toEqual([4, 9, 4])
      for (const tokens of images) {
        const inside = inFront(tokens, basis.foreground!)
        const colours = patchColours(tokens, basis)
        inside.forEach((value, patch) => {
          const black = colours.slice(patch * 3, patch * 3 + 3).every((c) => c === 0)
          expect(black).toBe(value === 0)
        })
      }
    }
  })

  test('is the same for the same images, and paints their mean gray', async () => {
    const [first, second] = [
      await fitBasis(eachOf(scenes()), 8, 'w', false),
      await fitBasis(eachOf(scenes()), 8, 'w', false),
    ]
    expect(first).toEqual(second)
    const mean = { data: Float32Array.from(first.basis.mean), rows: 1, columns: 1 }
    expect([...patchColours(mean, first.basis)]).toEqual([128, 128, 128])
    const [r, g, b] = first.explained
    expect(r).toBeGreaterThan(0.8)
    expect(g! >= b! && r! + g! + b! <= 1 + 1e-9).toBe(true)
  })

  test('of patches that are all equal is gray', async () => {
    const tokens = { data: new Float32Array(4 * 8).fill(3), rows: 2, columns: 2 }
    const { basis, explained } = await fitBasis(eachOf([tokens]), 8, 'w', false)
    expect(new Set(patchColours(tokens, basis))).toEqual(new Set([128]))
    expect(explained).toEqual([0, 0, 0])
    await expect(fitBasis(eachOf([tokens]), 8, 'w', true)).rejects.toThrow('no patch is in front')
  })
})

describe('dino pca', () => {
  let folder: string
  const at = (...names: string[]) => join(folder, ...names)
  const pca = (...args: string[]) => dino(['pca', ...args, '--checkpoint', at('vit.safetensors')])

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dino-pca-'))
    await writeTinyVit(at('vit.safetensors'))
    await writePhoto(at('photos/a/one.png'), { colour: [220, 40, 40], seed: 1, width: 50, height: 35 })
    await writePhoto(at('photos/b/one.png'), { colour: [40, 40, 220], seed: 2, width: 32, height: 32 })
    await writePhoto(at('photos/two.png'), { colour: [40, 200, 40], seed: 3, width: 32, height: 32 })
    writeFileSync(at('photos/broken.png'), 'no picture')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('paints every patch of every image in one basis, and the same again', async () => {
    const { status, stdout, stderr } = await pca(at('photos'), '--output-dir', at('first'), '--json')
    expect(status).toBe(0)
    const { images, explained, leftOut } = JSON.parse(stdout)
    expect(leftOut).toEqual([at('photos/broken.png')])
    expect(stderr).toContain(`Left out: ${at('photos/broken.png')}`)
    expect(explained).toHaveLength(3)
    expect(images).toEqual([
      { image: at('photos/a/one.png'), file: at('first/a/one.png'), rows: 4, columns: 6 },
      { image: at('photos/b/one.png'), file: at('first/b/one.png'), rows: 4, columns: 4 },
      { image: at('photos/two.png'), file: at('first/two.png'), rows: 4, columns: 4 },
    ])
    expect(await sharp(at('first/a/one.png')).metadata()).toMatchObject({ width: 48, height: 32 })
    const text = (await pca(at('photos'), '--output-dir', at('again'))).stdout
    expect(text).toMatch(/one\.png +4x6\n/)
    expect(text).toMatch(/Red, green, blue: \d+\.\d, \d+\.\d, \d+\.\d % of the variance\./)
    expect(readFileSync(at('again/a/one.png'))).toEqual(readFileSync(at('first/a/one.png')))
  })

  test('a saved basis gives an image alone the colours that it had among others', async () => {
    const basis = at('basis.safetensors')
    await pca(
      at('photos'),
      '--output-dir',
      at('fit'),
      '--image-size',
      '24',
      '40',
      '--save-basis',
      basis,
      '--foreground',
    )
    const alone = await pca(
      at('photos/two.png'),
      '--output-dir',
      at('alone'),
      '--image-size',
      '24',
      '40',
      '--basis',
      basis,
    )
    expect(alone.stdout).toMatch(/two\.png +3x5 +\d+\.\d\n/)
    expect(alone.stdout).not.toContain('of the variance')
    expect(readFileSync(at('alone/two.png'))).toEqual(readFileSync(at('fit/two.png')))
  })

  test('refusals', async () => {
    const refused = async (args: string[], message: string, code = 2) => {
      const { status, stderr } = await pca(...args, '--output-dir', at('none'))
      expect(stderr).toContain(message)
      expect(status).toBe(code)
      expect(existsSync(at('none'))).toBe(false)
    }
    const photo = at('photos/two.png')
    await refused([photo, '--basis', at('vit.safetensors')], 'dino pca --save-basis writes one')
    await refused([photo, '--basis', at('gone')], '--basis: ')
    await refused([photo, '--basis', 'x', '--foreground'], '--foreground is part of a basis')
    await refused([at('photos/broken.png')], 'broken.png: not a JPEG', 1)
    await refused([photo, '--image-size', '7'], 'at least one patch of 8 pixels')
    await writeTinyVit(at('other.safetensors'), 1)
    const other = ['pca', photo, '--checkpoint', at('other.safetensors'), '--output-dir', at('x')]
    await dino([...other, '--save-basis', at('other-basis')])
    await refused([photo, '--basis', at('other-basis')], 'was fitted to features of other weights')
  })
})
