import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test, vi } from 'vitest'
import { compile, openSession } from './index.js'

vi.setConfig({ testTimeout: 300_000 })

const MIB = 2 ** 20

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/** Resident memory once the arrays that nobody holds are gone: V8 lets 50 MiB of results pile up before it looks. */
async function resident(): Promise<number> {
  gc()
  await new Promise(setImmediate)
  gc()
  return process.memoryUsage().rss
}

test('500 steps keep tensors, variables and resident memory flat', async () => {
  const session = await openSession()
  const size = 512
  const matrix = () => ({
    dtype: 'float32' as const,
    shape: [size, size],
    data: new Float32Array(size * size).fill(1e-3),
  })
  await session.create({ w: matrix(), m: matrix() })
  const step = await compile(
    ({ x }, { w, m }) => {
      const grad = tf.grad((v) => tf.mean(tf.square(tf.matMul(x as tf.Tensor2D, v as tf.Tensor2D))))(w!)
      const next = tf.add(tf.mul(m!, 0.9), grad)
      return { outputs: { grad }, state: { m: next, w: tf.sub(w!, tf.mul(next, 0.1)) } }
    },
    { session, inputs: { x: { shape: [size, size], dtype: 'uint8' } } },
  )
  const x = new Uint8Array(size * size).fill(1)
  const expected = { numTensors: tf.memory().numTensors, memory: session.memory() }
  const steps = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await step({ x })
      if (i % 10 === 0) await session.read(['w'])
      if (i % 10 === 5) await session.assign({ m: matrix() })
      if (i % 10 === 9) await step({ x: new Uint8Array(3) }).catch(() => {})
    }
    return resident()
  }
  const warm = await steps(150)
  const after = await steps(500)
  expect(session.memory()).toEqual(expected.memory)
  expect(session.memory().tensors).toBe(0)

  expect(tf.memory().numTensors).toBe(expected.numTensors)
  // A step that kept the input, the output or a variable would have grown by 125 to 500 MiB.
  expect((after - warm) / MIB).toBeLessThan(64)
  await session.close()
})

test('compiling leaves no tensors, and sessions give their memory back', async () => {
  const size = 8 * MIB // 32 MiB of float32
  const open = async () => {
    const session = await openSession()
    await session.create({ w: { dtype: 'float32', shape: [size], data: new Float32Array(size) } })
    const f = await compile((_, { w }) => ({ outputs: { sum: tf.sum(w!) }, state: { w: tf.add(w!, 1) } }), {
      session,
      inputs: {},
    })
    await f({})
    await session.close()
  }
  const { numTensors } = tf.memory()
  for (let i = 0; i < 3; i++) await open()
  const before = await resident()
  for (let i = 0; i < 10; i++) await open() // would keep 320 MiB or more
  expect(((await resident()) - before) / MIB).toBeLessThan(100)
  expect(tf.memory().numTensors).toBe(numTensors)
})
