import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { compile, openSession, type Session } from './index.js'

let session: Session
beforeAll(async () => {
  session = await openSession()
  const eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  await eager.close()
  await tf.setBackend('cpu')
}, 60_000)
afterAll(() => session.close())
afterEach(() => tf.disposeVariables())

const number = async (value: Promise<Record<string, { data: ArrayBufferView }>>) =>
  ((await value).y!.data as Float32Array)[0]

test('what is read after an assignment is the new value, and calls go on from each other', async () => {
  const counter = tf.variable(tf.scalar(1), true, 'counter')
  const double = await compile(
    () => {
      const before = tf.clone(counter)
      counter.assign(tf.mul(counter, 2))
      counter.assign(tf.add(counter, 1))
      return { outputs: { before, y: tf.clone(counter) } }
    },
    { session, name: 'double', inputs: {} },
  )
  expect(await number(double({}))).toBe(3)
  expect(await number(double({}))).toBe(7)
  expect(counter.dataSync()[0]).toBe(1)
  await session.pull()
  expect(counter.dataSync()[0]).toBe(7)
  counter.assign(tf.scalar(10))
  await session.push()
  expect(await number(double({}))).toBe(21)
})

test('variables that share their data are two', async () => {
  const start = tf.scalar(5)
  const student = tf.variable(start, true, 'student')
  const teacher = tf.variable(student, false, 'teacher')
  const step = await compile(
    () => {
      student.assign(tf.add(student, 1))
      return { outputs: { y: tf.sub(student, teacher) } }
    },
    { session, name: 'step', inputs: {} },
  )
  expect(await number(step({}))).toBe(1)
  expect(await number(step({}))).toBe(2)
})

test('several functions share a variable, and unused ones stay outside', async () => {
  const shared = tf.variable(tf.scalar(2), true, 'shared')
  tf.variable(tf.scalar(2), true, 'unused')
  const triple = () => {
    shared.assign(tf.mul(shared, 3))
    return { outputs: {} }
  }
  const options = { session, inputs: {} }
  const [change, look] = await Promise.all([
    compile(triple, { ...options, name: 'change' }),
    compile(() => ({ outputs: { y: tf.add(shared, 0) } }), { ...options, name: 'look' }),
  ])
  await change({})
  expect(await number(look({}))).toBe(6)
  expect(session.has('shared')).toBe(true)
  expect(session.has('unused')).toBe(false)
})

test('a variable that the function creates starts once, and is there outside', async () => {
  let made: tf.Variable | undefined
  const count = await compile(
    () => {
      made = tf.variable(tf.add(tf.scalar(3), 1), false, 'made')
      made.assign(tf.add(made, 1))
      return { outputs: { y: tf.clone(made) } }
    },
    { session, name: 'count', inputs: {} },
  )
  expect(made!.dataSync()[0]).toBe(4)
  expect(await number(count({}))).toBe(5)
  expect(await number(count({}))).toBe(6)
})

test('tracing leaves as many tensors as there were, also when it fails', async () => {
  const weight = tf.variable(tf.scalar(2), true, 'weight')
  const { numTensors, numDataBuffers } = tf.memory()
  const update = () => {
    weight.assign(tf.reshape(tf.mul(weight, 2), []))
    return { outputs: { y: tf.reshape(weight, [1]) } }
  }
  await compile(update, { session, name: 'update', inputs: {} })
  const failing = () => {
    tf.variable(tf.add(weight, 1), true, 'lost')
    update()
    throw new Error('stop')
  }
  await expect(compile(failing, { session, name: 'failing', inputs: {} })).rejects.toThrow('failing: stop')
  expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers })
  expect(weight.dataSync()[0]).toBe(2)
  expect(tf.engine().registeredVariables).not.toHaveProperty('lost')
})

test('a name that the session has is refused, and so is a beginning that depends on inputs', async () => {
  await session.create({ taken: { dtype: 'float32', shape: [], data: Float32Array.of(1) } })
  const taken = tf.variable(tf.scalar(2), true, 'taken')
  await expect(
    compile(() => ({ outputs: { y: tf.neg(taken) } }), { session, name: 'read', inputs: {} }),
  ).rejects.toThrow('read: the session has a variable taken already, and it is not this tf.Variable')
  const dependent = ({ x }: Record<string, tf.Tensor>) => ({
    outputs: { y: tf.neg(tf.variable(x!, true, 'dependent')) },
  })
  await expect(compile(dependent, { session, name: 'start', inputs: { x: { shape: [] } } })).rejects.toThrow(
    'start: the tf.Variables that it creates (dependent) start with values that depend on its inputs. Create them outside.',
  )
})
