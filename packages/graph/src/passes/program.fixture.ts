import type { HostTensor } from '../host-tensor.js'
import { type Attribute, type Node, type Program, ProgramBuilder, type Ref, type TensorType } from '../ir.js'

export const f32 = (...shape: number[]): TensorType => ({ dtype: 'float32', shape })
export const floats = (shape: number[], values: number[]): HostTensor => ({
  dtype: 'float32',
  shape,
  data: Float32Array.from(values),
})
export const ints = (values: number[]): HostTensor => ({
  dtype: 'int32',
  shape: [values.length],
  data: Int32Array.from(values),
})
const T: Attribute = { type: 'dtype', value: 'float32' }
export const reduction: Record<string, Attribute> = { T, keep_dims: { type: 'bool', value: false } }
const product: Record<string, Attribute> = {
  T,
  transpose_a: { type: 'bool', value: false },
  transpose_b: { type: 'bool', value: false },
}

/** Writes a program down: op(name, inputs, type, attributes or its name) gives the node's output. */
export function program(
  write: (
    op: (op: string, inputs: Ref[], type: TensorType, attributes?: Record<string, Attribute> | string) => Ref,
    constant: (value: HostTensor) => Ref,
  ) => { outputs: Record<string, Ref>; updates?: Record<string, Ref> },
): Program {
  const builder = new ProgramBuilder()
  const { outputs, updates = {} } = write(
    (op, inputs, type, given = op === 'MatMul' ? product : {}) => {
      const attributes: Record<string, Attribute> =
        typeof given === 'string' ? { name: { type: 'string', value: given } } : given
      const node: Node = { op, inputs, outputs: [type], attributes, scope: '' }
      return builder.add(node)[0]!
    },
    (value) => builder.constant(value),
  )
  return { name: 'test', nodes: builder.nodes, outputs, updates }
}
