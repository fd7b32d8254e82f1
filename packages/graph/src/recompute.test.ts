import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compile, openSession, recompute, together } from './index.js'

const layer = (x: tf.Tensor, weight?: tf.Tensor): tf.Tensor2D =>
  tf.tanh(tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D))

/** Three layers with a gradient, each computed again for it or not. */
const net = (again: boolean) => (inputs: Record<string, tf.Tensor>) => {
  const loss = (...weights: tf.Tensor[]) => {
    let x = inputs.x!
    for (const weight of weights) x = again ? recompute(layer, x, [weight]) : layer(x, weight)
    return tf.sum(tf.square(x)) as tf.Scalar
  }
  const { value, grads } = tf.valueAndGrads(loss)([inputs.a!, inputs.b!, inputs.c!])
  return { outputs: { value, ...Object.fromEntries(grads.map((grad, i) => [`grad${i}`, grad])) } }
}
const square = { shape: [3, 3] }
const inputs = { x: { shape: [2, 3] }, a: square, b: square, c: square }
const feeds = {
  x: Float32Array.from({ length: 6 }, (_, i) => Math.sin(i + 1)),
  ...Object.fromEntries(
    ['a', 'b', 'c'].map((name, k) => [name, Float32Array.from({ length: 9 }, (_, i) => Math.cos(3 * k + i))]),
  ),
}

test.each(['auto', 'eager'])('gradients are the same, on engine %s', async (engine) => {
  const session = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : {})
  const [kept, again] = await Promise.all(
    [false, true].map((again) => compile(net(again), { session, name: 'net', inputs })),
  )
  expect(await again!(feeds)).toEqual(await kept!(feeds))
  const before = tf.memory().numTensors
  await again!(feeds)
  expect(tf.memory().numTensors).toBe(before)
  if (again!.program) {
    const count = (op: string, { program } = again!) => program!.nodes.filter((node) => node.op === op).length
    expect(count('IdentityN')).toBe(3)
    // No pass merges the second computation with the first.
    expect(count('Tanh')).toBe(count('Tanh', kept) + 3)
  }
  await session.close()
})

test('what is made of one of several tensors waits for all of them', async () => {
  const session = await openSession()
  const step = await compile(
    ({ x }) => {
      const [a, b] = together([tf.neg(x!), tf.square(x!)])
      return { outputs: { a: tf.abs(a!), b: tf.sqrt(b!) } }
    },
    { session, name: 'both', inputs: { x: { shape: [2] } }, passes: { fuse: false } },
  )
  expect(step.print()).toMatchInlineSnapshot(`
    "%0: float32[2] = Placeholder {name="x"}
    %1: float32[2] = Neg(%0)
    %2: float32[2] = Square(%0)
    %3: (float32[2], float32[2]) = IdentityN(%1, %2)
    %4: float32[2] = Abs(%3.0)
    %5: float32[2] = Sqrt(%3.1)
    return a=%4, b=%5"
  `)
  const { a, b } = await step({ x: Float32Array.of(-2, 3) })
  expect([a!.data, b!.data]).toEqual([Float32Array.of(2, 3), Float32Array.of(2, 3)])
  expect(together([tf.scalar(4)])[0]!.dataSync()).toEqual(Float32Array.of(4)) // eagerly
  await session.close()
})
