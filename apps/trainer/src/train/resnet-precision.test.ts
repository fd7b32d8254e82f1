import { openSession } from '@dino/graph'
import { stream } from '@dino/random'
import { expect, test } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import { trainStep } from './compile-step.js'
import { initStudent } from './model.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

/** Losses of five steps, and the products of the step that take bfloat16. */
async function train(precision: 'fp32' | 'bf16') {
  const config = resolveConfig({
    data: 'in memory',
    arch: 'resnet18',
    resnetLayers: [1, 1, 1, 1],
    resnetPlanes: [16, 16, 32, 32],
    outDim: 64,
    headHiddenDim: 64,
    headBottleneckDim: 32,
    globalCropsSize: 64,
    localCropsSize: 32,
    localCropsNumber: 2,
    batchSize: 4,
    optimizer: 'sgd',
    precision,
  })
  const setup = setupOf(config)
  const session = await openSession()
  try {
    await session.create(initialState(setup, initStudent(setup, 0)))
    const step = await trainStep(session, setup, config, false)
    const { nodes } = step.programs[0]!.program!
    const rounded = nodes.filter(({ inputs }) =>
      inputs.some((ref) => nodes[ref.node]!.outputs[ref.output]!.dtype === 'bfloat16'),
    )
    const losses: number[] = []
    for (let i = 0; i < 5; i++) {
      const pixels = stream(2, 'pixels', i)
      const bytes = (length: number) => Uint8Array.from({ length }, () => pixels.uniform(0, 255))
      const crops = { global: bytes(2 * 4 * 64 * 64 * 3), local: bytes(2 * 4 * 32 * 32 * 3) }
      const { loss } = await step.run([crops], { lr: 0.002, weightDecay: 1e-4, momentum: 0.99, teacherTemp: 0.04 })
      losses.push((loss!.data as Float32Array)[0]!)
    }
    return { losses, ops: new Set(rounded.map(({ op }) => op)) }
  } finally {
    await session.close()
  }
}

test("a ResNet's convolutions and their gradients take bf16, and its loss follows fp32", {
  timeout: 180_000,
}, async () => {
  const [fp32, bf16] = [await train('fp32'), await train('bf16')]
  expect(fp32.ops).toEqual(new Set())
  for (const op of ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter']) expect(bf16.ops).toContain(op)
  expect(bf16.losses).not.toEqual(fp32.losses)
  const off = fp32.losses.map((loss, i) => Math.abs(bf16.losses[i]! / loss - 1))
  expect(Math.max(...off)).toBeLessThan(0.02)
})
