import '@tensorflow/tfjs'
import { largestDifference } from '@dino/fixtures'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import * as vit from './index.js'

const config: vit.VitConfig = { imgSize: 16, patchSize: 4, embedDim: 12, depth: 3, numHeads: 3 }
const params = vit.init(config, 0)
// Larger than initial ones, so that attention is not uniform and a mistake shows.
for (const name of Object.keys(params)) if (!name.includes('norm')) params[name] = tf.mul(params[name], 12)

const pictures = (B: number, height: number, width: number, channels = 3) => {
  const waves = tf.sin(tf.mul(tf.range(0, B * height * width * channels), 0.37))
  return tf.reshape(waves, [B, height, width, channels]) as tf.Tensor4D
}
const expectEqual = (actual: tf.Tensor, expected: tf.Tensor, tolerance = 2e-6) => {
  expect(actual.shape).toEqual(expected.shape)
  expect(largestDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(tolerance)
}

describe('apply', () => {
  test('gives [CLS] of the last layer, at every size', () => {
    for (const [height, width] of [
      [16, 16],
      [8, 8],
      [12, 20],
      [17, 23],
    ]) {
      const images = pictures(2, height, width)
      const [last] = vit.intermediateLayers(config, params, images, 1)
      expectEqual(vit.apply(config, params, images), tf.reshape(tf.slice(last, [0, 0, 0], [2, 1, 12]), [2, 12]))
    }
  })

  test('permutes its rows as the images are permuted', () => {
    const images = pictures(3, 16, 12)
    const order = tf.tensor1d([2, 0, 1], 'int32')
    const moved = vit.apply(config, params, tf.gather(images, order))
    expectEqual(moved, tf.gather(vit.apply(config, params, images), order))
  })

  test('does not look at what is left over beside whole patches', () => {
    const images = pictures(1, 19, 19)
    const inner = tf.slice(images, [0, 0, 0, 0], [1, 16, 16, 3])
    expectEqual(vit.apply(config, params, images), vit.apply(config, params, inner))
  })

  test('takes images of one and of five channels, patches of any size, and a fractional MLP', () => {
    for (const other of [{ channels: 1 }, { channels: 5, patchSize: 5 }, { patchSize: 3, mlpRatio: 2.7 }]) {
      const changed = { ...config, ...other }
      const images = pictures(2, 16, 21, other.channels)
      const cls = vit.apply(changed, vit.init(changed, 1), images)
      expect(cls.shape).toEqual([2, 12])
      expect(cls.dataSync().every(Number.isFinite)).toBe(true)
    }
  })

  test('refuses images of another shape or type', () => {
    expect(() => vit.apply(config, params, pictures(1, 16, 16, 4))).toThrow(
      '[B,height,width,3], got float32 [1,16,16,4]',
    )
    expect(() => vit.apply(config, params, tf.zeros([1, 16, 16, 3], 'int32'))).toThrow('bytes are normalised first')
    expect(() => vit.apply(config, params, tf.zeros([16, 16, 3]) as tf.Tensor as tf.Tensor4D)).toThrow(
      'got float32 [16,16,3]',
    )
    expect(() => vit.apply(config, params, pictures(1, 3, 16))).toThrow('at least one patch (4 px), got 3 x 16')
  })
})

describe('drop path', () => {
  const images = pictures(2, 16, 16)
  const mask = (rows: number[][]) => tf.transpose(tf.tensor2d(rows)) as tf.Tensor2D

  test('a mask of ones changes nothing', () => {
    expectEqual(vit.apply(config, params, images, { dropPath: tf.ones([6, 2]) }), vit.apply(config, params, images))
  })

  test('dropping a block of one image is leaving that block out, for that image alone', () => {
    const dropPath = mask([
      [1, 1, 0, 0, 1, 1],
      [1, 1, 1, 1, 1, 1],
    ])
    const actual = vit.apply(config, params, images, { dropPath })
    const { depth, ...rest } = config
    const shallow = Object.fromEntries(
      Object.entries(params)
        .filter(([name]) => !name.startsWith('blocks.1.'))
        .map(([name, tensor]) => [name.replace('blocks.2.', 'blocks.1.'), tensor]),
    )
    const without = vit.apply({ ...rest, depth: depth - 1 }, shallow, images)
    const whole = vit.apply(config, params, images)
    expectEqual(actual, tf.concat([tf.slice(without, [0, 0], [1, 12]), tf.slice(whole, [1, 0], [1, 12])]))
  })

  test("the last block's rows count too", () => {
    const dropped = vit.apply(config, params, images, {
      dropPath: mask([
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 0, 0],
      ]),
    })
    const layers = vit.intermediateLayers(config, params, images, 2)
    expectEqual(dropped, tf.reshape(tf.slice(layers[0], [0, 0, 0], [2, 1, 12]), [2, 12]))
  })

  test('leaving out what is dropped gives the same features and gradients, with every image of a branch dropped too', () => {
    const B = 5
    const images = pictures(B, 12, 16)
    const values = Float32Array.from({ length: 6 * B }, (_, i) => (i < 2 * B ? 1 : i >= 5 * B ? 0 : (i * 7) % 3 && 1.5))
    const dropPath = tf.tensor2d(values, [6, B])
    const listed = vit.dropPathRows(values, B)
    const rows = listed.rows.map((own, i) => (i < 2 ? undefined : tf.tensor1d(own, 'int32')))
    expect(listed.rows.map((own) => own.length)).toEqual([5, 5, 4, 3, 3, 1])
    const dropPathRows = { rows, places: tf.tensor2d(listed.places, [6, B], 'int32') }
    const direction = tf.reshape(tf.cos(tf.range(0, B * 12)), [B, 12])
    const names = Object.keys(params)
    const run = (options: vit.ApplyOptions) =>
      tf.valueAndGrads((images: tf.Tensor, ...values: tf.Tensor[]) => {
        const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
        return tf.sum(tf.mul(vit.apply(config, named, images as tf.Tensor4D, options), direction)) as tf.Scalar
      })([images, ...names.map((name) => params[name])])
    const [all, kept] = [run({ dropPath }), run({ dropPath, dropPathRows })]
    expectEqual(kept.value, all.value)
    for (const [i, gradient] of all.grads.entries()) expectEqual(kept.grads[i], gradient, 2e-5)
  })

  test('a mask of another size is refused, and so are rows without one or of another', () => {
    expect(() => vit.apply(config, params, images, { dropPath: tf.ones([3, 2]) })).toThrow('[6,2], got [3,2]')
    const dropPathRows = { rows: [], places: tf.zeros<tf.Rank.R2>([6, 2], 'int32') }
    expect(() => vit.apply(config, params, images, { dropPathRows })).toThrow('got no mask')
    expect(() => vit.apply(config, params, images, { dropPath: tf.ones([6, 2]), dropPathRows })).toThrow(
      'of 6 branches and int32 [6,2] places, got 0 and',
    )
  })
})

test('rows of attention sum to 1, one map a head', () => {
  const attention = vit.lastAttention(config, params, pictures(2, 12, 20))
  expect(attention.shape).toEqual([2, 3, 16, 16])
  expectEqual(tf.sum(attention, 3), tf.ones([2, 3, 16]))
})

test('intermediate layers come last block last, and no more of them than there are', () => {
  const images = pictures(1, 8, 8)
  const all = vit.intermediateLayers(config, params, images, 3)
  const two = vit.intermediateLayers(config, params, images, 2)
  expect(all.map(({ shape }) => shape)).toEqual([
    [1, 5, 12],
    [1, 5, 12],
    [1, 5, 12],
  ])
  expectEqual(two[0], all[1])
  expectEqual(two[1], all[2])
  expect(() => vit.intermediateLayers(config, params, images, 4)).toThrow('n from 1 to depth 3, got 4')
  expect(() => vit.intermediateLayers(config, params, images, 0)).toThrow('got 0')
})

describe('gradients', () => {
  const images = pictures(2, 12, 20) // resized position embeddings
  const names = Object.keys(params)
  const direction = tf.reshape(tf.cos(tf.range(0, 24)), [2, 12])
  const dropPath = tf.tensor2d([
    [1, 1],
    [1, 1],
    [0, 1.25],
    [1.25, 1.25],
    [2, 0],
    [0, 2],
  ])
  const loss = (...values: tf.Tensor[]) => {
    const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
    return tf.sum(tf.mul(vit.apply(config, named, images, { dropPath }), direction)) as tf.Scalar
  }
  const values = names.map((name) => params[name])
  const gradients = tf.grads(loss)(values)

  test.each(names.map((name, i) => [name, i] as const))('of %s equals the slope along a direction', (_, i) => {
    const along = tf.sin(tf.mul(tf.reshape(tf.range(1, values[i].size + 1), values[i].shape), 1.3))
    const expected = tf.sum(tf.mul(gradients[i], along)).dataSync()[0]
    const step = 2e-3
    const at = (distance: number) =>
      loss(...values.map((value, j) => (i === j ? tf.add(value, tf.mul(along, distance)) : value))).dataSync()[0]
    // The fourth-order difference leaves float32's rounding as the only error worth naming.
    const slope = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    expect(Math.abs(slope - expected)).toBeLessThan(2e-3 + 1e-3 * Math.abs(expected))
  })

  test('reach every parameter of the parts that a wrapper runs, whose features stay the same', () => {
    const seen = new Set<tf.Tensor>()
    const wrapper: vit.Recompute = (fn, x, params) => {
      for (const param of params) seen.add(param)
      return tf.customGrad((...args) => {
        const inputs = args.slice(0, -1) as [tf.Tensor2D, ...tf.Tensor[]]
        return { value: fn(...inputs), gradFunc: (dy: tf.Tensor) => tf.grads(fn as never)(inputs, dy) }
      })(x, ...params) as tf.Tensor2D
    }
    for (const options of [{ recompute: wrapper }, { recomputeCheap: wrapper }]) {
      seen.clear()
      const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
      const whole = vit.apply(config, named, images, { dropPath })
      expectEqual(vit.apply(config, named, images, { dropPath, ...options }), whole)
      const kinds = names.filter((_, i) => seen.has(values[i])).map((name) => name.replace(/blocks\.\d+\./, ''))
      expect(new Set(kinds).size).toBe('recompute' in options ? 12 : 10)
    }
  })

  test('in pieces add up to those of the whole batch', () => {
    const pieces = [0, 1].map((b) => {
      const part = (tensor: tf.Tensor) => tf.slice(tensor, [b], [1])
      const own = tf.slice(dropPath, [0, b], [6, 1])
      return tf.grads((...values: tf.Tensor[]) => {
        const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
        const cls = vit.apply(config, named, part(images) as tf.Tensor4D, { dropPath: own })
        return tf.sum(tf.mul(cls, part(direction)))
      })(values)
    })
    for (const [i, gradient] of gradients.entries()) expectEqual(tf.add(pieces[0][i], pieces[1][i]), gradient, 2e-5)
  })

  test('and outputs leave no tensor behind', () => {
    const before = tf.memory().numTensors
    for (let i = 0; i < 2; i++) {
      tf.dispose(tf.grads(loss)(values))
      tf.dispose(vit.apply(config, params, images, { dropPath }))
      tf.dispose(vit.intermediateLayers(config, params, images, 3))
      tf.dispose(vit.lastAttention(config, params, images))
      tf.dispose(vit.init(config, 0))
    }
    expect(tf.memory().numTensors).toBe(before)
  })
})
