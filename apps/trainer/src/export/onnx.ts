import type { HostTensor } from '../train/host-tensor.js'
import type { Network, Operation, Value } from './network.js'
import { float, nested, type Pieces, text, whole } from './protobuf.js'

/**
 * A network as an ONNX model, in pieces: IR version 9, operator set 20, the first that has an exact Gelu. Images are
 * [batch, channels, height, width]; weights keep their names and layouts, so that they are the checkpoint's bytes.
 *
 * Format: onnx.proto3 and Operators.md of github.com/onnx/onnx.
 *
 * @param metadata free text that travels with the model
 */
export function onnxModel(network: Network, metadata: Record<string, string>): Pieces {
  const { input, operations, outputs, weights } = network
  const constants = new Constants()
  const nodes = operations.flatMap((operation) => nodesOf(operation, constants))
  const initializers = [...Object.entries(used(operations, weights)), ...constants.tensors]
  const graph = [
    nodes.flatMap((node) => nested(GRAPH.node, node)),
    text(GRAPH.name, 'backbone'),
    initializers.flatMap(([name, tensor]) => nested(GRAPH.initializer, tensorOf(name, tensor))),
    nested(GRAPH.input, valueInfo(input)),
    outputs.flatMap((output) => nested(GRAPH.output, valueInfo(output))),
  ]
  return [
    whole(MODEL.irVersion, 9),
    text(MODEL.producer, 'dino'),
    nested(MODEL.opset, text(OPSET.domain, ''), whole(OPSET.version, 20)),
    Object.entries(metadata).flatMap(([key, value]) => nested(MODEL.metadata, text(1, key), text(2, value))),
    nested(MODEL.graph, ...graph),
  ].flat()
}

// Field numbers: onnx.proto3.
const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8, metadata: 14 }
const OPSET = { domain: 1, version: 2 }
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 }
const NODE = { input: 1, output: 2, name: 3, type: 4, attribute: 5 }
const ATTRIBUTE = { name: 1, float: 2, int: 3, ints: 8, type: 20 }
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 }
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9 }
const TENSOR_TYPE = { float32: 1, int64: 7 } as const
const VALUE = { name: 1, type: 2 }

type Attributes = Record<string, number | { float: number } | readonly number[]>

function nodesOf(operation: Operation, constants: Constants): Pieces[] {
  const { input, output } = operation
  const x = input.name
  const node = (type: string, inputs: string[], attributes: Attributes = {}): Pieces[] => [
    nodeOf(type, inputs, output.name, attributes),
  ]
  switch (operation.type) {
    case 'conv': {
      const { weight, bias, stride, pad } = operation
      const inputs = bias ? [x, weight, bias] : [x, weight]
      return node('Conv', inputs, { strides: [stride, stride], pads: [pad, pad, pad, pad] })
    }
    case 'batchNorm': {
      const { weight, bias, mean, variance, epsilon } = operation
      return node('BatchNormalization', [x, weight, bias, mean, variance], { epsilon: { float: epsilon } })
    }
    case 'maxPool': {
      const { size, stride, pad } = operation
      return node('MaxPool', [x], { kernel_shape: [size, size], strides: [stride, stride], pads: [pad, pad, pad, pad] })
    }
    case 'globalMean':
      return node('ReduceMean', [x, constants.ints(2, 3)], { keepdims: 0 })
    case 'tokens': {
      const [, rows, width] = output.shape as [number, number, number]
      const flat = `${output.name}/flat`
      return [
        nodeOf('Reshape', [x, constants.ints(-1, width, rows)], flat, {}),
        nodeOf('Transpose', [flat], output.name, { perm: [0, 2, 1] }),
      ]
    }
    case 'prependZeros':
      return node('Pad', [x, constants.ints(0, 1, 0, 0, 0, 0)])
    case 'linear':
      return node('Gemm', [x, operation.weight, operation.bias], { transB: 1 })
    case 'layerNorm': {
      const { weight, bias, epsilon } = operation
      return node('LayerNormalization', [x, weight, bias], { axis: -1, epsilon: { float: epsilon } })
    }
    case 'add':
      return node('Add', [x, operation.other.name])
    case 'addWeight':
      return node('Add', [x, operation.weight])
    case 'scale':
      return node('Mul', [x, constants.number(operation.by)])
    case 'matMul':
      return node('MatMul', [x, operation.other.name])
    case 'softmax':
      return node('Softmax', [x], { axis: -1 })
    case 'gelu':
      return node('Gelu', [x])
    case 'relu':
      return node('Relu', [x])
    case 'reshape':
      return node('Reshape', [x, constants.ints(...output.shape)])
    case 'transpose':
      return node('Transpose', [x], { perm: operation.order })
    case 'slice': {
      const { axis, from } = operation
      const [starts, ends, axes] = [from, from + output.shape[axis]!, axis].map((value) => constants.ints(value))
      return node('Slice', [x, starts!, ends!, axes!])
    }
  }
}

/** Numbers that operations take as inputs, each once. */
class Constants {
  readonly tensors = new Map<string, HostTensor>()

  ints(...values: number[]): string {
    const data = BigInt64Array.from(values, BigInt)
    return this.#keep(`ints_${values.join('_')}`, { dtype: 'int64', shape: [values.length], data })
  }

  number(value: number): string {
    return this.#keep(`number_${value}`, { dtype: 'float32', shape: [], data: Float32Array.of(value) })
  }

  #keep(name: string, tensor: HostTensor): string {
    this.tensors.set(name, tensor)
    return name
  }
}

/** The weights that operations name: a checkpoint may hold others. */
function used(operations: Operation[], weights: Record<string, HostTensor>): Record<string, HostTensor> {
  const names = new Set(operations.flatMap((operation) => Object.values(operation)))
  return Object.fromEntries(Object.entries(weights).filter(([name]) => names.has(name)))
}

function nodeOf(type: string, inputs: string[], output: string, attributes: Attributes): Pieces {
  return [
    inputs.flatMap((input) => text(NODE.input, input)),
    text(NODE.output, output),
    text(NODE.name, output),
    text(NODE.type, type),
    Object.entries(attributes).flatMap(([name, value]) => nested(NODE.attribute, attributeOf(name, value))),
  ].flat()
}

function attributeOf(name: string, value: Attributes[string]): Pieces {
  const kind = typeof value === 'number' ? 'int' : 'float' in value ? 'float' : 'ints'
  const contents =
    typeof value === 'number'
      ? whole(ATTRIBUTE.int, value)
      : 'float' in value
        ? float(ATTRIBUTE.float, value.float)
        : value.flatMap((each) => whole(ATTRIBUTE.ints, each))
  return [text(ATTRIBUTE.name, name), contents, whole(ATTRIBUTE.type, ATTRIBUTE_TYPE[kind])].flat()
}

function tensorOf(name: string, { dtype, shape, data }: HostTensor): Pieces {
  if (!(dtype === 'float32' || dtype === 'int64')) throw new Error(`onnx: ${name} is of type ${dtype}.`)
  return [
    shape.flatMap((size) => whole(TENSOR.dims, size)),
    whole(TENSOR.type, TENSOR_TYPE[dtype]),
    text(TENSOR.name, name),
    nested(TENSOR.raw, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ].flat()
}

/** A ValueInfoProto: a tensor of float32, whose first size is called batch. */
function valueInfo({ name, shape }: Value): Pieces {
  const dims = shape.flatMap((size) => nested(1, size < 0 ? text(2, 'batch') : whole(1, size)))
  const tensor = nested(1, whole(1, TENSOR_TYPE.float32), nested(2, dims))
  return [text(VALUE.name, name), nested(VALUE.type, tensor)].flat()
}
