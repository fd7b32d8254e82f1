import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compile, openSession, programCost, recompute } from './index.js'

test('the cost of a program is counted from its products and the tensors alive together', async () => {
  const session = await openSession()
  const spec = { shape: [64, 64] }
  const size = 64 * 64 * 4
  const chain = await compile(
    ({ a, b }) => {
      const product = tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, true)
      return { outputs: { y: tf.matMul(tf.reshape(product, [64, 64]) as tf.Tensor2D, b as tf.Tensor2D) } }
    },
    { session, inputs: { a: spec, b: spec }, passes: { fuse: false } },
  )
  const cost = programCost(chain.program!)
  expect(cost.flops).toBe(2 * 2 * 64 ** 3)
  expect(cost.bytes).toBe(2 * 3 * size)
  expect(cost.peakBytes).toBeGreaterThanOrEqual(3 * size) // a and b, the product; then b, the product and y
  expect(cost.peakBytes).toBeLessThan(3 * size + 100) // constants of shapes are small

  // A gradient keeps what each layer made; computed again, one layer's.
  const deep = (again: boolean) =>
    compile(
      ({ a, b }) => {
        const layer = (x: tf.Tensor, w?: tf.Tensor): tf.Tensor =>
          tf.tanh(tf.matMul(tf.tanh(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D)) as tf.Tensor2D, w as tf.Tensor2D))
        const loss = (w: tf.Tensor) => {
          let x: tf.Tensor = a!
          for (let i = 0; i < 8; i++) x = again ? recompute(layer, x, [w]) : layer(x, w)
          return tf.sum(x) as tf.Scalar
        }
        return { outputs: { grad: tf.grad(loss as (w: tf.Tensor) => tf.Tensor)(b!) } }
      },
      { session, inputs: { a: spec, b: spec }, passes: { fuse: false } },
    )
  const [kept, again] = [programCost((await deep(false)).program!), programCost((await deep(true)).program!)]
  expect(again.flops).toBeGreaterThan(kept.flops)
  expect(again.peakBytes).toBeLessThan(0.9 * kept.peakBytes)
  await session.close()
})

test('a convolution and both of its gradients cost the same', async () => {
  const session = await openSession()
  const compiled = await compile(
    ({ images, filter }) => {
      const sum = (x: tf.Tensor, f: tf.Tensor) =>
        tf.sum(tf.square(tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 'same')))
      const [dx, df] = tf.grads(sum)([images!, filter!])
      return { outputs: { dx: dx!, df: df! } }
    },
    { session, inputs: { images: { shape: [2, 8, 8, 3] }, filter: { shape: [3, 3, 3, 5] } } },
  )
  const once = 2 * (2 * 4 * 4 * 5) * (3 * 3 * 3)
  expect(programCost(compiled.program!).flops).toBe(3 * once)
  await session.close()
})
