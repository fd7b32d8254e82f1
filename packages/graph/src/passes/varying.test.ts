import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compile, openSession, type Session, type TraceableFunction } from '../index.js'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 })

let session: Session
let eager: Session
beforeAll(async () => {
  session = await openSession()
  eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
})
afterAll(() => Promise.all([session.close(), eager.close()]))

const wave = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))
const inputs = {
  rows: { shape: [6], dtype: 'int32', upTo: true },
  table: { shape: [8, 6] },
  weight: { shape: [6, 6] },
} as const

/** Attention and a layer over the rows of a table that a call names, and their gradients. */
const attend: TraceableFunction = ({ rows, table, weight }) => {
  const k = rows!.shape[0]!
  const loss = (table: tf.Tensor, weight: tf.Tensor) => {
    const x = tf.reshape(tf.gather(table, rows as tf.Tensor1D), [k * 3, 2]) as tf.Tensor2D
    const [q, v] = tf.unstack(
      tf.transpose(
        tf.reshape(tf.matMul(x, tf.slice(weight, [0, 0], [2, 4]) as tf.Tensor2D), [k, 3, 2, 2]),
        [2, 0, 1, 3],
      ),
    )
    const mixed = tf.matMul(tf.softmax(tf.matMul(q!, v!, false, true)), v!) // [k, 3, 2]
    const flat = tf.reshape(tf.slice(mixed, [0, 1, 0], [k, 2, 2]), [k, 4])
    const y = tf.tanh(tf.add(flat, tf.slice(weight, [5, 0], [1, 4]))) as tf.Tensor2D
    return tf.sum(tf.matMul(y, y, true)) as tf.Scalar // a sum over rows would fix their number in its gradient
  }
  const { value, grads } = tf.valueAndGrads(loss)([tf.square(table!), weight!])
  return { outputs: { value, ofTable: tf.matMul(grads[0] as tf.Tensor2D, weight as tf.Tensor2D), ofWeight: grads[1]! } }
}

test('a call brings as many rows as it likes', async () => {
  const [varying, op] = await Promise.all([
    compile(attend, { session, name: 'attend', inputs, passes: { fuse: 'always' } }),
    compile(attend, { session: eager, name: 'attend', inputs }),
  ])
  for (const rows of [[3], [7, 1, 4, 5, 0, 2], [6, 6, 2]]) {
    const feeds = { rows: Int32Array.from(rows), table: wave(48), weight: wave(36) }
    const [actual, expected] = await Promise.all([varying(feeds), op(feeds)])
    for (const [name, { data, shape }] of Object.entries(expected)) {
      expect(actual[name]!.shape).toEqual(shape)
      const [a, b] = [actual[name]!.data, data] as [Float32Array, Float32Array]
      expect(Math.max(...a.map((x, i) => Math.abs(x - b[i]!))), name).toBeLessThan(1e-5)
    }
  }
})

test('the program prints which input varies, and its reshapes take what there is', async () => {
  const double: TraceableFunction = ({ x }) => ({ outputs: { y: tf.reshape(tf.add(x!, x!), [8]) } })
  const varying = await compile(double, {
    session,
    name: 'double',
    inputs: { x: { shape: [4, 2], upTo: true } },
    passes: false,
  })
  expect(varying.print()).toMatchInlineSnapshot(`
    "%0: float32[4,2] = Placeholder {name="x", up_to=true}
    %1: float32[4,2] = Add(%0, %0)
    %2: int32[1] = Const {value=[8]}
    %3: int32[1] = Const {value=[-1]}
    %4: float32[8] = Reshape(%1, %3)
    return y=%4"
  `)
  expect((await varying({ x: Float32Array.of(1, 2) })).y!.data).toEqual(Float32Array.of(2, 4))
})

test('too many, none, half a row and other shapes are refused', async () => {
  const f = await compile(({ x }) => ({ outputs: { y: tf.neg(x!) } }), {
    session,
    name: 'f',
    inputs: { x: { shape: [2, 3], upTo: true } },
  })
  const refusal = 'f: expected input x to be up to float32[2,3], got'
  await expect(f({ x: new Float32Array(9) })).rejects.toThrow(`${refusal} 9 elements`)
  await expect(f({ x: new Float32Array(0) })).rejects.toThrow(`${refusal} 0 elements`)
  await expect(f({ x: new Float32Array(4) })).rejects.toThrow(`${refusal} 4 elements`)
  await expect(f({ x: { dtype: 'float32', shape: [3, 1], data: new Float32Array(3) } })).rejects.toThrow(
    `${refusal} float32[3,1]`,
  )
  const scalar = { x: { shape: [], upTo: true } }
  await expect(compile(({ x }) => ({ outputs: { y: x! } }), { session, name: 'f', inputs: scalar })).rejects.toThrow(
    'got []',
  )
})

test.each<[string, TraceableFunction]>([
  ['Mean', ({ x }) => ({ outputs: { y: tf.mean(x!, 0) } })],
  ['Reshape', ({ x }) => ({ outputs: { y: tf.reshape(x!, [3, 4]) } })],
  ['ConcatV2', ({ x }) => ({ outputs: { y: tf.concat([x!, x!]) } })],
  ['Mul', ({ x }) => ({ outputs: { y: tf.mul(x!, tf.ones([4, 3])) } })],
])('%s that fixes a length is refused when it is compiled', async (op, fn) => {
  const inputs = { x: { shape: [4, 3], upTo: true } }
  await expect(compile(fn, { session, name: 'fixed', inputs })).rejects.toThrow(
    `fixed: ${op} is not known to work with any length`,
  )
})
