import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { compile, openSession } from './index.js'

test('a profile says when each node ran, by its place in the program', { timeout: 60_000 }, async () => {
  const session = await openSession()
  const double = await compile(({ x }) => ({ outputs: { y: tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D) } }), {
    session,
    name: 'square',
    inputs: { x: { shape: [64, 64] } },
  })
  const { outputs, nodes } = await double.profile({ x: new Float32Array(64 * 64).fill(1) })
  expect((outputs.y!.data as Float32Array)[0]).toBe(64)
  const product = nodes.find(({ op }) => op.includes('MatMul'))!
  expect(product.us).toBeGreaterThan(0)
  expect(product.device).toContain('CPU')
  const place = Number(/_(\d+)$/.exec(product.name)![1])
  expect(double.program!.nodes[place]!.op).toBe('MatMul')
  await session.close()
})
