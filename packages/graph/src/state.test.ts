import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { compile, type Dtype, type HostTensor, openSession, type Session } from './index.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 })

const scalar = (value: number): HostTensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(value) })
const vector = (...values: number[]): HostTensor => ({
  dtype: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
})
const values = (tensors: Record<string, HostTensor>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data as Float32Array)]))

describe.each(['auto', 'eager'])('on the engine %s', (engine) => {
  let session: Session
  beforeAll(async () => {
    session = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : { engine })
  })
  afterAll(() => session.close())

  test('variables are created, read, assigned and removed', async () => {
    await session.create({ a: vector(1, 2), 'b/c.d': scalar(3) })
    expect(session.has('a')).toBe(true)
    expect(session.has('toString')).toBe(false)
    expect(session.specs()).toEqual({ a: { shape: [2], dtype: 'float32' }, 'b/c.d': { shape: [], dtype: 'float32' } })
    expect(session.memory()).toEqual({ variables: 2, bytes: 12, tensors: 0 })
    expect(values(await session.read())).toEqual({ a: [1, 2], 'b/c.d': [3] })
    await session.assign({ a: vector(5, 6) })
    expect(values(await session.read(['a']))).toEqual({ a: [5, 6] })
    expect(await session.read([])).toEqual({})
    await session.remove(['a', 'b/c.d'])
    expect(session.specs()).toEqual({})
    await session.create({ a: vector(1, 2, 3) }) // another shape under the same name
    expect(values(await session.read())).toEqual({ a: [1, 2, 3] })
    await session.remove(['a'])
    expect(session.memory()).toEqual({ variables: 0, bytes: 0, tensors: 0 })
  })

  test.each<[Dtype, ArrayBufferView]>([
    ['float32', Float32Array.of(-1.5, 0)],
    ['int32', Int32Array.of(-7, 2 ** 31 - 1)],
    ['uint8', Uint8Array.of(0, 255)],
    ['bool', Uint8Array.of(0, 1)],
    ['float64', Float64Array.of(0.5, -2)],
    ['int64', BigInt64Array.of(3n, -4n)],
  ])('a variable of %s keeps its values through a call that returns it', async (dtype, data) => {
    await session.create({ v: { dtype, shape: [2], data } })
    const f = await compile((_, { v }) => ({ outputs: {}, state: { v: tf.clone(v!) } }), { session, inputs: {} })
    expect(await f({})).toEqual({})
    expect(await session.read()).toEqual({ v: { dtype, shape: [2], data } })
    await session.remove(['v'])
  })

  test('a call sees every variable as it was before: two swap their values', async () => {
    await session.create({ a: vector(1, 2), b: vector(3, 4) })
    const swap = await compile(
      (_, { a, b }) => ({ outputs: { sum: tf.add(a!, b!), a: a! }, state: { a: b!, b: a! } }),
      {
        session,
        inputs: {},
      },
    )
    expect(values(await swap({}))).toEqual({ sum: [4, 6], a: [1, 2] })
    expect(values(await session.read())).toEqual({ a: [3, 4], b: [1, 2] })
    expect(values(await swap({}))).toEqual({ sum: [4, 6], a: [3, 4] })
    expect(values(await session.read())).toEqual({ a: [1, 2], b: [3, 4] })
    await session.remove(['a', 'b'])
  })

  test('an update may depend on other updates, and one value may go to two variables', async () => {
    await session.create({ student: vector(0), teacher: vector(0) })
    const step = await compile(
      ({ g }, { student, teacher }) => {
        const next = tf.add(student!, g!)
        return {
          outputs: { next },
          state: { student: next, teacher: tf.add(tf.mul(teacher!, 0.5), tf.mul(next, 0.5)) },
        }
      },
      { session, inputs: { g: { shape: [1] } } },
    )
    await step({ g: Float32Array.of(4) })
    await step({ g: Float32Array.of(4) })
    expect(values(await session.read())).toEqual({ student: [8], teacher: [5] })
    const both = await compile(({ g }) => ({ outputs: {}, state: { student: g!, teacher: g! } }), {
      session,
      inputs: { g: { shape: [1] } },
    })
    await both({ g: Float32Array.of(1) })
    await step({ g: Float32Array.of(1) })
    expect(values(await session.read())).toEqual({ student: [2], teacher: [1.5] })
    await session.remove(['student', 'teacher'])
  })

  test('functions compiled later share the variables, and calls run in the order that they were made', async () => {
    await session.create({ n: scalar(0) })
    const add = await compile((_, { n }) => ({ outputs: { n: n! }, state: { n: tf.add(n!, 1) } }), {
      session,
      inputs: {},
    })
    expect(values(await add({}))).toEqual({ n: [0] })
    const double = await compile((_, { n }) => ({ outputs: { n: n! }, state: { n: tf.mul(n!, 2) } }), {
      session,
      inputs: {},
    })
    const calls = [add({}), double({}), add({}), double({})] // 1 -> 2 -> 4 -> 5 -> 10
    const read = session.read()
    const assigned = session.assign({ n: scalar(100) })
    expect((await Promise.all(calls)).map((result) => values(result).n)).toEqual([[1], [2], [4], [5]])
    expect(values(await read)).toEqual({ n: [10] })
    await assigned
    expect(values(await add({}))).toEqual({ n: [100] })
    await session.remove(['n'])
    await expect(add({})).rejects.toThrow(/n/)
  })

  test('state lists the variables, and reads the ones that are used', async () => {
    await session.create({ 'student.w': vector(1), 'student.b': vector(2), 'teacher.w': vector(3) })
    const f = await compile(
      (_, state) => {
        expect(Object.keys(state)).toEqual(['student.w', 'student.b', 'teacher.w'])
        expect('student.w' in state).toBe(true)
        expect(state.nothing).toBeUndefined()
        const student = Object.entries(state).filter(([name]) => name.startsWith('student.'))
        return { outputs: { sum: tf.addN(student.map(([, tensor]) => tensor)) } }
      },
      { session, inputs: {} },
    )
    expect(values(await f({}))).toEqual({ sum: [3] })
    await session.remove(Object.keys(session.specs()))
  })

  test('what does not fit is refused', async () => {
    await session.create({ a: vector(1, 2) })
    await expect(session.create({ a: vector(1) })).rejects.toThrow(
      'create: the session has a variable a already. Assign it',
    )
    await expect(session.create({ z: { ...vector(1), shape: [2] } })).rejects.toThrow(
      'create: z: expected 2 elements for float32[2], got 1.',
    )
    await expect(session.create({ z: { ...vector(1), dtype: 'int32' } })).rejects.toThrow(
      'in a Int32Array, got a Float32Array',
    )
    await expect(session.create({ z: { ...vector(1), dtype: 'f32' as Dtype } })).rejects.toThrow('unknown dtype f32')
    await expect(session.assign({ b: vector(1) })).rejects.toThrow('assign: the session has no variable b (it has 1)')
    await expect(session.assign({ a: vector(1) })).rejects.toThrow(
      'assign: expected a to be float32[2], got float32[1].',
    )
    await expect(session.read(['b'])).rejects.toThrow('read: the session has no variable b')
    await expect(session.remove(['b'])).rejects.toThrow('remove: the session has no variable b')
    await session.remove(['a'])
  })

  test('close waits for calls, and then everything is refused', async () => {
    const closed = await openSession(engine === 'eager' ? { engine, eagerBackend: 'cpu' } : { engine })
    await closed.create({ a: vector(1) })
    const add = await compile((_, { a }) => ({ outputs: {}, state: { a: tf.add(a!, 1) } }), {
      session: closed,
      name: 'add',
      inputs: {},
    })
    const calls = [add({}), add({})]
    const read = closed.read()
    const closing = closed.close()
    await expect(add({})).rejects.toThrow('add: the session is closed. Open another.')
    await Promise.all(calls)
    expect(values(await read)).toEqual({ a: [3] })
    await closing
    await closed.close()
    await expect(closed.read()).rejects.toThrow('read: the session is closed')
    await expect(closed.create({})).rejects.toThrow('create: the session is closed')
    await expect(compile(() => ({ outputs: {} }), { session: closed, name: 'f', inputs: {} })).rejects.toThrow(
      'f: the session is closed',
    )
    expect(session.memory().tensors).toBe(0)
  })
})

test('a removed variable that comes back is not the one that a function was compiled for', async () => {
  const session = await openSession()
  await session.create({ a: vector(1) })
  const f = await compile((_, { a }) => ({ outputs: { a: a! } }), { session, name: 'f', inputs: {} })
  await session.remove(['a'])
  await session.create({ a: vector(1, 2) })
  await expect(f({})).rejects.toThrow('f: the variable a that it was compiled for was removed. Compile it again.')
  await session.close()
})

test('a variable larger than a chunk is stored whole', async () => {
  const session = await openSession()
  const size = 5 << 20
  const large = Object.fromEntries(
    Array.from({ length: 4 }, (_, i) => [
      `v${i}`,
      { dtype: 'float32', shape: [size], data: new Float32Array(size).fill(i) } as HostTensor,
    ]),
  )
  await session.create(large)
  const read = await session.read()
  for (const [name, { data }] of Object.entries(large))
    expect(Buffer.compare(bytes(data), bytes(read[name]!.data))).toBe(0)
  await session.close()
})

const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)

test('a session tells its devices, and uses the one that it is told to', async () => {
  const device = '/device:CPU:0'
  const session = await openSession({ device, threads: 1 })
  expect((session.engine as { devices: string[] }).devices).toContain(device)
  await session.create({ a: vector(1) })
  const f = await compile(({ x }, { a }) => ({ outputs: { y: tf.add(x!, a!) } }), {
    session,
    inputs: { x: { shape: [1] } },
  })
  expect(values(await f({ x: Float32Array.of(2) }))).toEqual({ y: [3] })
  await session.close()
  await expect(openSession({ device: '/device:TPU:7' })).rejects.toThrow(
    'there is no device /device:TPU:7. There is /device:CPU:0',
  )
})

test('options of a session are checked', async () => {
  await expect(openSession({ threads: 0 })).rejects.toThrow(
    'openSession: expected threads to be a whole number of 1 or more, got 0.',
  )
  await expect(openSession({ eagerBackend: 'cpu' })).rejects.toThrow(
    "eagerBackend is an option of the eager engine, and engine is 'auto'",
  )
  await expect(openSession({ engine: 'eager', eagerBackend: 'abacus' })).rejects.toThrow(
    'abacus: there is no such backend',
  )
  await expect(openSession({ engine: '/nowhere' })).rejects.toThrow('/nowhere')
})
