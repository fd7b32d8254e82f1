import * as tf from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test } from 'vitest'
import { compile, NotFiniteError, openSession, type Session } from './index.js'

const sessions: Session[] = []
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close()
})

describe.each(['auto', 'eager'])('on the engine %s', (engine) => {
  async function counting(finite: string[]) {
    const session = await openSession({ engine })
    sessions.push(session)
    await session.create({ total: { dtype: 'float32', shape: [2], data: new Float32Array(2) } })
    const add = await compile(
      ({ x }, { total }) => {
        const next = tf.add(total!, x!)
        return { outputs: { loss: tf.sum(tf.log(x!)), next }, state: { total: next }, finite }
      },
      { session, name: 'add', inputs: { x: { shape: [2] } } },
    )
    return { add, total: async () => [...((await session.read(['total'])).total!.data as Float32Array)] }
  }

  test('an output that is not finite keeps every variable as it was, and is named', async () => {
    const { add, total } = await counting(['next', 'loss'])
    await add({ x: new Float32Array([1, 2]) })
    for (const x of [
      [0, 1],
      [-1, 1],
      [Number.NaN, 1],
    ]) {
      const failure = await add({ x: new Float32Array(x) }).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(NotFiniteError)
      expect((failure as NotFiniteError).output).toEqual(
        Number.isNaN(x[0]) ? expect.stringMatching(/next|loss/) : 'loss',
      )
      expect(await total()).toEqual([1, 2])
    }
    await add({ x: new Float32Array([3, 4]) })
    expect(await total()).toEqual([4, 6])
  })

  test('what nobody asked to be finite may be anything', async () => {
    const { add, total } = await counting([])
    const { loss } = await add({ x: new Float32Array([0, 1]) })
    expect((loss!.data as Float32Array)[0]).toBe(Number.NEGATIVE_INFINITY)
    expect(await total()).toEqual([0, 1])
  })

  test('a name that is no output is refused', async () => {
    const session = await openSession({ engine })
    sessions.push(session)
    const use = async () => {
      const run = await compile(({ x }) => ({ outputs: { y: x! }, finite: ['z'] }), {
        session,
        name: 'f',
        inputs: { x: { shape: [] } },
      })
      await run({ x: 1 })
    }
    await expect(use()).rejects.toThrow('expected finite to name float32 outputs, got z')
  })
})
