import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile, openSession, type Session } from './index.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let session: Session
beforeAll(async () => {
  session = await openSession()
  const eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' }) // registers it, quietly
  await eager.close()
  await tf.setBackend('cpu')
})
afterAll(() => session.close())

const STEPS = 5
const B = 8

/** Values in [0, 1) that are the same every time. */
function pattern(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => (((i + 1) * (2 * seed + 7919)) % 1009) / 1009)
}

function oneHot(classes: number): Float32Array {
  return Float32Array.from({ length: B * classes }, (_, i) => Number(Math.floor(i / classes) % classes === i % classes))
}

/** Losses of a few steps by TensorFlow.js, then of the same steps compiled, each from the same weights. */
async function both(
  step: (x: tf.Tensor, y: tf.Tensor, optimizer: tf.Optimizer) => tf.Scalar,
  optimizer: () => tf.Optimizer,
  { x, y, variables }: { x: number[]; y: number; variables: () => tf.Variable[] },
) {
  const batches = Array.from({ length: STEPS }, (_, i) => pattern(tf.util.sizeFromShape(x), i))
  const labels = oneHot(y)
  const start = variables().map((variable) => variable.dataSync().slice())
  const eager: number[] = []
  const ofTfjs = optimizer()
  for (const batch of batches) {
    eager.push(tf.tidy(() => step(tf.tensor(batch, x), tf.tensor2d(labels, [B, y]), ofTfjs).dataSync()[0]!))
  }
  const trained = variables().map((variable) => variable.dataSync().slice())
  for (const [i, variable] of variables().entries()) variable.assign(tf.tensor(start[i]!, variable.shape))

  const ofSession = optimizer()
  const compiled = await compile(({ x, y }) => ({ outputs: { loss: step(x!, y!, ofSession) } }), {
    session,
    name: 'step',
    inputs: { x: { shape: x }, y: { shape: [B, y] } },
  })
  const losses: number[] = []
  for (const batch of batches) losses.push(((await compiled({ x: batch, y: labels })).loss!.data as Float32Array)[0]!)
  expect([...variables()[0]!.dataSync()]).toEqual([...start[0]!]) // until they are pulled
  await session.pull()
  const pulled = variables().map((variable) => variable.dataSync().slice())
  return { eager, losses, trained, pulled }
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) {
  const worst = Math.max(...Array.from(expected, (value, i) => Math.abs(value - actual[i]!)))
  expect(worst).toBeLessThan(tolerance)
}

test('a CNN of tfjs-layers trains through compile as it does eagerly: Adam, batch norm and all', async () => {
  const model = layers.sequential({
    layers: [
      layers.layers.conv2d({
        inputShape: [12, 12, 3],
        filters: 8,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: seeded(1),
      }),
      layers.layers.batchNormalization(),
      layers.layers.maxPooling2d({ poolSize: 2 }),
      layers.layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu', kernelInitializer: seeded(2) }),
      layers.layers.flatten(),
      layers.layers.dense({ units: 4, kernelInitializer: seeded(3) }),
    ],
  })
  const variables = () => model.weights.map((weight) => (weight as unknown as { val: tf.Variable }).val)
  const { eager, losses, trained, pulled } = await both(
    (x, y, optimizer) => {
      const loss = () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar
      return optimizer.minimize(loss, true)!
    },
    () => tf.train.adam(0.01),
    { x: [B, 12, 12, 3], y: 4, variables },
  )
  expect(eager[STEPS - 1]).toBeLessThan(eager[0]!)
  expectClose(losses, eager, 1e-3)
  for (const [i, values] of trained.entries()) expectClose(pulled[i]!, values, 1e-2)
})

test('a small transformer in plain TensorFlow.js trains through compile as it does eagerly, with momentum', async () => {
  const [N, D, H, C] = [6, 16, 2, 3]
  const weight = (shape: number[], seed: number) =>
    tf.variable(
      tf.tensor(
        pattern(tf.util.sizeFromShape(shape), seed).map((value) => 0.4 * (value - 0.5)),
        shape,
      ),
    )
  const W = Object.fromEntries(
    Object.entries({ embed: [5, D], qkv: [D, 3 * D], out: [D, D], up: [D, 4 * D], down: [4 * D, D], head: [D, C] }).map(
      ([name, shape], i) => [name, weight(shape, i)],
    ),
  ) as Record<'embed' | 'qkv' | 'out' | 'up' | 'down' | 'head', tf.Variable>
  const apply = (x: tf.Tensor, w: tf.Tensor) =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, w.shape[0]!]), w as tf.Tensor2D), [B, N, w.shape[1]!])
  const norm = (x: tf.Tensor) => {
    const { mean, variance } = tf.moments(x, -1, true)
    return tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)))
  }
  const logits = (x: tf.Tensor) => {
    let h = apply(x, W.embed) // [B, N, D]
    const parts = tf.split(apply(norm(h), W.qkv), 3, -1)
    const [q, k, v] = parts.map((part) => tf.transpose(tf.reshape(part, [B, N, H, D / H]), [0, 2, 1, 3]))
    const scores = tf.softmax(tf.mul(tf.matMul(q!, k!, false, true), (D / H) ** -0.5)) // [B, H, N, N]
    h = tf.add(h, apply(tf.reshape(tf.transpose(tf.matMul(scores, v!), [0, 2, 1, 3]), [B, N, D]), W.out))
    h = tf.add(h, apply(tf.relu(apply(norm(h), W.up)), W.down))
    return tf.matMul(tf.mean(norm(h), 1) as tf.Tensor2D, W.head as unknown as tf.Tensor2D) // [B, C]
  }
  const { eager, losses, trained, pulled } = await both(
    (x, y, optimizer) =>
      optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, logits(x)) as tf.Scalar, true, Object.values(W))!,
    () => tf.train.momentum(0.1, 0.9),
    { x: [B, N, 5], y: C, variables: () => Object.values(W) },
  )
  expect(eager[STEPS - 1]).not.toBe(eager[0])
  expectClose(losses, eager, 1e-5)
  for (const [i, values] of trained.entries()) expectClose(pulled[i]!, values, 1e-4)
})

function seeded(seed: number) {
  return layers.initializers.glorotNormal({ seed })
}
