// Trains one CNN of tfjs-layers compiled, and op by op on TensorFlow.js's backends, in turn: node examples/train-cnn.mjs [ROUNDS]
// Prints the median time of a step. The code of the model, the loss and the optimizer is the same everywhere.
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { compile, openSession } from '../dist/index.js'

const B = 32
const rounds = Number(process.argv[2] ?? 3)
const images = Float32Array.from({ length: B * 28 * 28 }, (_, i) => ((i * 7919) % 1009) / 1009)
const labels = Float32Array.from({ length: B * 10 }, (_, i) => Number(Math.floor(i / 10) % 10 === i % 10))

const { conv2d, maxPooling2d, flatten, dense } = layers.layers
const cnn = () =>
  layers.sequential({
    layers: [
      conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 128, activation: 'relu' }),
      dense({ units: 10 }),
    ],
  })

/** A step of training on some engine: plain TensorFlow.js inside. */
async function trainer(options) {
  const session = await openSession(options)
  if (options.eagerBackend) await tf.setBackend(options.eagerBackend)
  const model = cnn()
  const optimizer = tf.train.adam(0.001)
  const weights = model.trainableWeights.map((weight) => weight.val)
  const step = await compile(
    ({ x, y }) => {
      const loss = () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }))
      return { outputs: { loss: optimizer.minimize(loss, true, weights) } }
    },
    { session, name: 'step', inputs: { x: { shape: [B, 28, 28, 1] }, y: { shape: [B, 10] } } },
  )
  return async (steps) => {
    for (let i = 0; i < steps; i++) await step({ x: images, y: labels })
  }
}

const eager = (eagerBackend) => ({ engine: 'eager', eagerBackend })
const sides = [
  { name: 'tfjs cpu', train: await trainer(eager('cpu')), steps: 1 },
  { name: 'tfjs wasm', train: await trainer(eager('wasm')), steps: 2 },
  { name: 'compiled', train: await trainer({}), steps: 20 },
]
const times = new Map(sides.map(({ name }) => [name, []]))
for (let round = 0; round <= rounds; round++) {
  for (const { name, train, steps } of sides) {
    const start = performance.now()
    await train(steps)
    if (round > 0) times.get(name).push((performance.now() - start) / steps) // the first round warms up
  }
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
const compiled = median(times.get('compiled'))
for (const { name } of sides) {
  const ms = median(times.get(name))
  console.log(
    `${name.padEnd(10)} ${ms.toFixed(1).padStart(8)} ms a step, ${(ms / compiled).toFixed(1).padStart(6)} x compiled`,
  )
}
process.exit(0)
