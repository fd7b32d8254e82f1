import type { Output } from './capi.js'
import type { HostTensor } from './host-tensor.js'
import { constantNode } from './ir.js'
import type { Runner } from './runner.js'
import { TensorFlowError } from './tensorflow.js'

/**
 * Whether TensorFlow computes with oneDNN here: its wheels do so by the processor, the platform and TF_ENABLE_ONEDNN_OPTS, and do not
 * tell. So a product is asked for what only oneDNN adds to one.
 */
export async function probeOneDnn(runner: Runner, prefix: string): Promise<boolean> {
  const { graph, lib } = runner
  const add = (op: string, inputs: Output[], attributes: Parameters<typeof graph.add>[3]): Output => ({
    oper: graph.add(op, `${prefix}/${op}_${inputs.length}_${added++}`, inputs, attributes, { device: '/device:CPU:0' }),
    index: 0,
  })
  let added = 0
  const constant = (shape: number[]) => {
    const one: HostTensor = { dtype: 'float32', shape, data: Float32Array.of(1) }
    return add('Const', [], constantNode(one).attributes)
  }
  const product = add('_FusedMatMul', [constant([1, 1]), constant([1, 1]), constant([1])], {
    T: { type: 'dtype', value: 'float32' },
    transpose_a: { type: 'bool', value: false },
    transpose_b: { type: 'bool', value: false },
    fused_ops: { type: 'strings', value: ['BiasAdd', 'GeluExact'] },
  })
  try {
    for (const tensor of await runner.run({ fetches: [product] })) lib.deleteTensor(tensor)
    return true
  } catch (error) {
    if (error instanceof TensorFlowError) return false
    throw error
  }
}
