import '@tensorflow/tfjs'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smoothLabels, softTargetCrossEntropy } from './index.js'

const values = (tensor: tf.Tensor) => [...tensor.dataSync()]
const close = (tensor: tf.Tensor, expected: number[]) => {
  const found = values(tensor)
  expect(found).toHaveLength(expected.length)
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 5)
}

describe('softTargetCrossEntropy', () => {
  // softmax of [0, ln 3] is [1/4, 3/4], of [ln 2, 0] it is [2/3, 1/3].
  const logits = tf.tensor2d([
    [0, Math.log(3)],
    [Math.log(2), 0],
  ])

  test('is the mean of -Σ t log p, by hand', () => {
    const targets = tf.tensor2d([
      [0.1, 0.9],
      [0.5, 0.5],
    ])
    const rows = [-(0.1 * Math.log(1 / 4) + 0.9 * Math.log(3 / 4)), -(0.5 * Math.log(2 / 3) + 0.5 * Math.log(1 / 3))]
    close(softTargetCrossEntropy(logits, targets), [(rows[0]! + rows[1]!) / 2])
  })

  test('its gradient is (p - t) / B, by hand', () => {
    const targets = tf.tensor2d([
      [0, 1],
      [1, 0],
    ])
    const gradient = tf.grad((x) => softTargetCrossEntropy(x as tf.Tensor2D, targets))(logits)
    close(gradient, [1 / 8, -1 / 8, -1 / 6, 1 / 6])
  })

  test('a shift of the logits changes nothing, however large', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e4, max: 1e4, noNaN: true }), (shift) => {
        const x = tf.tensor2d([[1, 2, -1]])
        const targets = tf.tensor2d([[0.2, 0.5, 0.3]])
        const [plain] = values(softTargetCrossEntropy(x, targets))
        const [shifted] = values(softTargetCrossEntropy(tf.add(x, Math.fround(shift)), targets))
        expect(Math.abs(plain! - shifted!)).toBeLessThan(2e-3) // float32 at 1e4
      }),
    )
  })

  test('targets of other classes are refused', () => {
    expect(() => softTargetCrossEntropy(logits, tf.zeros([2, 3]))).toThrow(
      'targets of shape [2,2] as the logits, got [2,3]',
    )
  })
})

describe('smoothLabels', () => {
  const labels = tf.tensor1d([2, 0], 'int32')

  test('spreads a share over all classes, the right one included', () => {
    close(smoothLabels(labels, 4, 0.1), [0.025, 0.025, 0.925, 0.025, 0.925, 0.025, 0.025, 0.025])
  })

  test('0 leaves one-hot labels, whose cross-entropy is that of the right class', () => {
    const targets = smoothLabels(labels, 3, 0)
    expect(values(targets)).toEqual([0, 0, 1, 1, 0, 0])
    close(
      softTargetCrossEntropy(
        tf.log(
          tf.tensor2d([
            [1, 1, 2],
            [5, 3, 2],
          ]),
        ),
        targets,
      ),
      [Math.log(2)],
    )
  })

  test('what is no label, no share and no number of classes is refused', () => {
    expect(() => smoothLabels(tf.tensor1d([0.5]), 3, 0.1)).toThrow('int32 [B], got float32 [1]')
    expect(() => smoothLabels(labels, 3, 1)).toThrow('from 0 to below 1, got 1')
    expect(() => smoothLabels(labels, 0, 0.1)).toThrow('at least 1, got 0')
  })
})
