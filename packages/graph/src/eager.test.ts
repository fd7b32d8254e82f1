import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { compile, openSession } from './index.js'

vi.setConfig({ testTimeout: 120_000 })

test('where no backend is active, the one of the first session is', async () => {
  expect(tf.getBackend()).toBeFalsy()
  const session = await openSession({ engine: 'eager', eagerBackend: 'wasm' })
  expect(Array.from(tf.square([2, 3]).dataSync())).toEqual([4, 9])
  expect(tf.getBackend()).toBe('wasm')
  await session.close()
})

const w = { dtype: 'float32' as const, shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)) }

describe.each(['cpu', 'wasm'])('the eager engine on %s', (eagerBackend) => {
  beforeAll(async () => {
    await tf.setBackend('cpu')
  })

  test('says what it runs on, leaves the active backend alone and keeps no tensors', async () => {
    const active = tf.getBackend()
    const session = await openSession({ engine: 'eager', eagerBackend })
    expect(session.engine).toEqual({
      kind: 'eager',
      version: tf.version_core,
      backend: eagerBackend,
      reason: 'asked for',
    })
    const outside = tf.memory().numTensors
    await session.create({ w })
    const step = await compile(
      ({ x }, state) => {
        expect(tf.getBackend()).toBe(eagerBackend)
        const grad = tf.grad((v) => tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, v as tf.Tensor2D))))(state.w!)
        return { outputs: { grad, w: state.w! }, state: { w: tf.sub(state.w!, tf.mul(grad, 0.01)) } }
      },
      { session, inputs: { x: { shape: [4, 4] } } },
    )
    for (let i = 0; i < 20; i++) {
      const call = step({ x: w.data })
      if (i % 2) await session.read()
      const result = await call
      expect(result.grad!.data).not.toBe(w.data)
      expect(tf.memory().numTensors).toBe(outside + 1)
    }
    expect(tf.getBackend()).toBe(active)
    expect(session.memory()).toEqual({ variables: 1, bytes: 64, tensors: 0 })
    await session.close()
    expect(tf.memory().numTensors).toBe(outside)
  })

  test('a throwing function leaves nothing behind, and its error names it', async () => {
    const active = tf.getBackend()
    const session = await openSession({ engine: 'eager', eagerBackend })
    const { numTensors } = tf.memory()
    const f = await compile(
      ({ x }) => {
        tf.square(x!)
        throw new RangeError('no')
      },
      { session, name: 'thrower', inputs: { x: { shape: [2] } } },
    )
    await expect(f({ x: new Float32Array(2) })).rejects.toThrow(new RangeError('thrower: no'))
    await expect(f({ x: new Float32Array(3) })).rejects.toThrow(
      'thrower: expected input x to be float32[2], got 3 elements.',
    )
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(tf.getBackend()).toBe(active)
    await session.close()
  })
})

test('kernels that wasm lacks run on cpu', async () => {
  const session = await openSession({ engine: 'eager', eagerBackend: 'wasm' })
  expect(tf.getKernel('UnsortedSegmentSum', 'wasm')).toBeUndefined()
  const f = await compile(
    ({ table }) => ({ outputs: { grad: tf.grad((t) => tf.sum(tf.gather(t, tf.tensor1d([1, 1], 'int32'))))(table!) } }),
    { session, inputs: { table: { shape: [3, 1] } } },
  )
  const outside = tf.memory().numTensors
  expect((await f({ table: Float32Array.of(1, 2, 3) })).grad!.data).toEqual(Float32Array.of(0, 2, 0))
  expect(tf.memory().numTensors).toBe(outside)
  await session.close()
})

test('without a wish the fastest backend that starts is taken, and the reason tells what was missing', async () => {
  const session = await openSession({ engine: 'eager' })
  expect(['tensorflow', 'wasm']).toContain((session.engine as { backend: string }).backend)
  const { reason } = session.engine as { reason: string }
  expect(reason).toMatch(/^tensorflow: |^the fastest$/)
  await session.close()
})

test('half floats are refused', async () => {
  const session = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  const half = { dtype: 'float16' as const, shape: [1], data: Uint16Array.of(0x3c00) }
  await expect(session.create({ half })).rejects.toThrow('create: the eager engine cannot hold half as float16')
  expect(session.has('half')).toBe(false)
  await session.close()
})
