import { type Node, openSession, type Program } from '@dino/graph'
import { expect, test } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import type { TrainOptions } from '../config/schema.js'
import { trainStep } from './compile-step.js'
import list from './gpu-kernels.json' with { type: 'json' }
import { initStudent } from './model.js'
import { setupOf } from './setup.js'
import { initialState } from './step.js'

const kernels = list.kernels as Record<string, string[]>

/** Where the host works also when there is a GPU: TensorFlow keeps shapes and other small integers there. */
const ON_HOST = new Set(['int32', 'int64'])

/** Whether TensorFlow's CUDA build has a GPU kernel for a node and its types. */
function hasGpuKernel({ op, attributes }: Node, inputs: readonly string[]): boolean {
  return (kernels[op] ?? []).some((constraints) =>
    constraints.split(' ').every((constraint) => {
      const [name, types] = constraint.split('=') as [string, string?]
      const attribute = attributes[name]
      // A type that the program leaves out follows from the inputs.
      const type = attribute?.type === 'dtype' ? attribute.value : inputs[0]
      return types === undefined || type === undefined || types.split('|').includes(type)
    }),
  )
}

function withoutKernel(program: Program): string[] {
  const bodies = Object.values(program.functions ?? {}).flatMap(withoutKernel)
  const missing = program.nodes.filter((node) => {
    if (node.op === 'Fused' || node.op === 'Placeholder') return false // its body is looked at; the host feeds it
    const types = node.inputs.map(({ node, output }) => program.nodes[node]!.outputs[output]!.dtype)
    if ([...types, ...node.outputs.map(({ dtype }) => dtype)].every((dtype) => ON_HOST.has(dtype))) return false
    return !hasGpuKernel(node, types)
  })
  return [...missing.map(({ op, outputs }) => `${op} ${outputs[0]?.dtype}`), ...bodies]
}

const small = { data: '.', recipe: 'demo', depth: 1, batchSize: 4 } as const
const variants: Record<string, TrainOptions> = {
  'the demo': small,
  'drop path, batch norm in the head and plain prototypes': {
    ...small,
    dropPathRate: 0.1,
    useBnInHead: true,
    normLastLayer: false,
  },
  'rows of drop path left out': { ...small, depth: 2, dropPathRate: 0.1, dropPathRows: 'kept' },
  sgd: { ...small, optimizer: 'sgd' },
  lars: { ...small, optimizer: 'lars' },
  'recomputed blocks': { ...small, recompute: true },
  'parts of a batch, accumulated': { ...small, microBatch: 2, accumulate: 2 },
  'a ResNet': { ...small, arch: 'resnet50', resnetLayers: [1, 1, 1, 1], resnetPlanes: [8, 8, 8, 8], depth: undefined },
}

test('every op of the step has a GPU kernel in the CUDA build', { timeout: 60_000 }, async () => {
  for (const [name, options] of Object.entries(variants)) {
    const config = resolveConfig(options, {})
    const session = await openSession({ threads: 1 })
    const setup = setupOf(config)
    await session.create(initialState(setup, initStudent(setup, 0)))
    const { programs } = await trainStep(session, setup, config, true)
    const missing = programs.flatMap(({ compiled }) => withoutKernel(compiled.program!))
    expect([name, [...new Set(missing)]]).toEqual([name, []])
    await session.close()
  }
})

test('an op without a GPU kernel is found', () => {
  const node = (op: string, dtype: 'float32' | 'float64'): Node => ({
    op,
    inputs: [],
    attributes: { T: { type: 'dtype', value: dtype } },
    outputs: [{ dtype, shape: [1] }],
    scope: '',
  })
  const nodes = [node('MatMul', 'float32'), node('MatMul', 'float64'), node('NoSuchOp', 'float32')]
  expect(withoutKernel({ name: 'f', nodes, outputs: {}, updates: {} })).toEqual(['MatMul float64', 'NoSuchOp float32'])
})
