import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compile, openSession } from './index.js'

type Tensors = Record<string, tf.Tensor>
const w = { dtype: 'float32' as const, shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) }
const inputs = { x: { shape: [1, 3] } }
const product = ({ x }: Tensors, { w }: Tensors) => ({ outputs: { y: tf.matMul(x!, w!) } })

test('frozen variables are constants: removing or changing them changes nothing', async () => {
  const session = await openSession()
  await session.create({ w, other: w })
  const frozen = await compile(product as never, { session, name: 'product', inputs, freeze: true })
  expect(frozen.print()).toMatchInlineSnapshot(`
    "%0: float32[1,3] = Placeholder {name="x"}
    %1: float32[3,2] = Const {value=[1, 2, 3, 4, 5, 6]}
    %2: float32[1,2] = MatMul(%0, %1)
    return y=%2"
  `)
  const before = await frozen({ x: Float32Array.of(1, 10, 100) })
  await session.assign({ w: { ...w, data: new Float32Array(6) } })
  expect(await frozen({ x: Float32Array.of(1, 10, 100) })).toEqual(before)
  await session.remove(['w'])
  expect((await frozen({ x: Float32Array.of(1, 10, 100) })).y!.data).toEqual(Float32Array.of(531, 642))
  await session.close()
})

test('a function that assigns cannot be frozen', async () => {
  const session = await openSession()
  await session.create({ w })
  const step = ((_: Tensors, { w }: Tensors) => ({ outputs: {}, state: { w: tf.neg(w!) } })) as never
  await expect(compile(step, { session, name: 'step', inputs: {}, freeze: true })).rejects.toThrow(
    'step: frozen variables cannot be assigned, and it assigns w.',
  )
  await session.close()
})
