import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Compiled, compile, groupTimes, openSession, printProfile, type Session, traceEvents } from './index.js'

let session: Session
let step: Compiled
const input = { x: new Float32Array(64 * 64).fill(1) }
beforeAll(async () => {
  session = await openSession()
  await session.create({ w: { dtype: 'float32', shape: [64, 64], data: new Float32Array(64 * 64).fill(0.5) } })
  const loss = (x: tf.Tensor) => (w: tf.Tensor) =>
    tf.tidy('student', () => tf.sum(tf.tidy('blocks.3', () => tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D))))
  step = await compile(
    ({ x }, { w }) => {
      const { value, grad } = tf.valueAndGrad(loss(x!))(w!)
      return { outputs: { loss: value }, state: { w: tf.sub(w!, grad) }, finite: ['loss'] }
    },
    { session, name: 'step (one)', inputs: { x: { shape: [64, 64] } } },
  )
}, 60_000)
afterAll(() => session.close())

test('a profile says when each node ran, what it is and where it was traced', async () => {
  const { outputs, nodes } = await step.profile(input)
  expect((outputs.loss!.data as Float32Array)[0]).toBe(64 ** 3 / 2)
  const products = nodes.filter(({ op }) => op === 'MatMul')
  expect(products.map(({ scope }) => scope).sort()).toEqual(['backward/student/blocks.3', 'student/blocks.3'])
  expect(products[0]!.us).toBeGreaterThan(0)
  expect(products[0]!.device).toContain('CPU')
  expect(products[0]!.outputs).toEqual([{ dtype: 'float32', shape: [64, 64] }])
  expect(nodes.find(({ op }) => op === 'AssignVariableOp')!.scope).toBe('assign')
  expect(nodes.find(({ op }) => op === 'CheckNumerics')!.scope).toBe('finite')
})

test('times add up by op and by scope, longest first', async () => {
  const { nodes } = await step.profile(input)
  for (const by of ['op', 'scope'] as const) {
    const groups = groupTimes(nodes, by)
    expect(groups.reduce((sum, { calls }) => sum + calls, 0)).toBe(nodes.length)
    expect(groups.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1)
    expect(groups.map(({ ms }) => ms)).toEqual(groups.map(({ ms }) => ms).sort((a, b) => b - a))
  }
  expect(groupTimes(nodes, 'op').find(({ name }) => name === 'MatMul')!.calls).toBe(2)
  expect(groupTimes(nodes, 'scope').map(({ name }) => name)).toContain('backward/student/blocks')
  expect(groupTimes([], 'op')).toEqual([])
  const text = printProfile(nodes, { rows: 2 })
  expect(text).toMatch(/^ *share +ms +calls +op\n/)
  expect(text).toMatch(/\d more/)
  expect(text.split('\n\n')).toHaveLength(2)
})

test('trace events name threads and devices, and carry shapes', async () => {
  const { nodes } = await step.profile(input)
  const { traceEvents: events } = JSON.parse(JSON.stringify(traceEvents(nodes))) as { traceEvents: TraceEvent[] }
  const named = (name: string) => events.filter((event) => event.ph === 'M' && event.name === name)
  const ran = events.filter(({ ph }) => ph === 'X')
  expect(ran).toHaveLength(nodes.length)
  expect(Math.min(...ran.map(({ ts }) => ts!))).toBe(0)
  expect(ran.every(({ dur }) => dur! >= 0)).toBe(true)
  const threads = named('thread_name').map(({ pid, tid }) => `${pid}/${tid}`)
  expect(new Set(ran.map(({ pid, tid }) => `${pid}/${tid}`))).toEqual(new Set(threads))
  expect(named('process_name').map(({ args }) => String(args.name))).toContainEqual(expect.stringContaining('CPU:0'))
  expect(ran.find(({ name }) => name === 'MatMul')!.args).toMatchObject({
    scope: expect.stringContaining('student/blocks.3'),
    outputs: ['float32[64,64]'],
  })
})

interface TraceEvent {
  ph: string
  name: string
  pid: number
  tid: number
  ts?: number
  dur?: number
  args: Record<string, unknown>
}

test('a session tells of every call until that is stopped, and only one listener at a time', async () => {
  const heard: string[] = []
  const stop = session.profile((nodes, compiled) => {
    heard.push(`${compiled} ${nodes.some(({ op }) => op === 'MatMul')}`)
  })
  expect(() => session.profile(() => {})).toThrow('profile: the session is being profiled already')
  await step(input)
  await step(input)
  stop()
  await step(input)
  expect(heard).toEqual(['step (one) true', 'step (one) true'])
})

test('a program becomes a GraphDef whose nodes carry their scopes, and the eager engine says that it has none', async () => {
  const names = Buffer.from(step.graphDef()).toString('latin1')
  expect(names).toMatch(/student\/blocks\.3\/MatMul_\d+/)
  expect(names).toMatch(/backward\/student\/blocks\.3\/MatMul_\d+/)
  expect(names).toContain('variables/w')
  const eager = await openSession({ engine: 'eager', eagerBackend: 'cpu' })
  const id = await compile(({ x }) => ({ outputs: { x: x! } }), { session: eager, inputs: { x: { shape: [1] } } })
  expect(() => id.graphDef()).toThrow('the eager engine has no graph to write down')
  await expect(id.profile({ x: Float32Array.of(1) })).rejects.toThrow('has no graph to profile')
  expect(() => eager.profile(() => {})).toThrow('profile: the eager engine has no graph')
  await eager.close()
})
