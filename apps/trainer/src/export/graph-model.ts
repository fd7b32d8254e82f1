import type { HostTensor } from '../train/host-tensor.js'
import type { Network, Operation, Value } from './network.js'

/** The files of a TensorFlow.js graph model, by name. */
export type GraphModelFiles = Record<string, Uint8Array | string>

const SHARD_BYTES = 4 * 1024 * 1024 // as TensorFlow.js's converter cuts them: browsers cache files of this size

/**
 * A network as a TensorFlow.js graph model: model.json with a GraphDef as JSON, and weights in shards, for `tf.loadGraphModel`. Images
 * are [batch, height, width, channels].
 *
 * Format: `ModelJSON` in @tensorflow/tfjs-core, graph.proto and node_def.proto of TensorFlow.
 *
 * @param metadata free text that travels with the model, as its `userDefinedMetadata`
 */
export function graphModel(network: Network, metadata: Record<string, string>): GraphModelFiles {
  const { input, operations, outputs, weights } = network
  const graph = new Graph(weights)
  const shape = (value: Value) => (value === input ? [-1, ...value.shape.slice(2), value.shape[1]!] : value.shape)
  graph.add('Placeholder', input.name, [], { dtype: FLOAT, shape: { shape: dims(shape(input)) } })
  for (const operation of operations) add(operation, graph)
  const described = (value: Value) => [
    value.name,
    { name: `${value.name}:0`, dtype: 'DT_FLOAT', tensorShape: dims(shape(value)) },
  ]
  const shards = cut([...graph.constants.values()].map(({ data }) => bytesOf(data)))
  const names = shards.map((_, i) => `group1-shard${i + 1}of${shards.length}.bin`)
  const model = {
    format: 'graph-model',
    generatedBy: 'dino',
    convertedBy: 'dino export',
    signature: { inputs: Object.fromEntries([described(input)]), outputs: Object.fromEntries(outputs.map(described)) },
    userDefinedMetadata: metadata,
    modelTopology: { node: graph.nodes, library: {}, versions: { producer: 1000 } },
    weightsManifest: [
      { paths: names, weights: [...graph.constants].map(([name, { dtype, shape }]) => ({ name, dtype, shape })) },
    ],
  }
  return { 'model.json': JSON.stringify(model), ...Object.fromEntries(names.map((name, i) => [name, shards[i]!])) }
}

interface Node {
  name: string
  op: string
  input: string[]
  attr: Record<string, object>
}

const FLOAT = { type: 'DT_FLOAT' }
const INT = { type: 'DT_INT32' }
const T = { T: FLOAT }

class Graph {
  readonly nodes: Node[] = []
  readonly constants = new Map<string, HostTensor>()

  constructor(private readonly weights: Record<string, HostTensor>) {}

  add(op: string, name: string, input: string[], attr: Record<string, object> = T): string {
    this.nodes.push({ name, op, input, attr })
    return name
  }

  /** A weight as it is in the checkpoint. */
  weight(name: string): string {
    return this.#constant(name, () => this.weights[name]!)
  }

  /**
   * That of a product or a convolution, the way TensorFlow has it: [out, in] → [in, out], [out, in, k, k] → [k, k, in, out]. (A product
   * could transpose it, but tfjs's wasm backend then forgets the bias.)
   */
  turned(name: string): string {
    return this.#constant(name, () => {
      const { shape, data } = this.weights[name]!
      const [out, from, k = 1] = shape as [number, number, number?]
      const values = data as Float32Array
      const turned = new Float32Array(values.length)
      for (let o = 0, at = 0; o < out; o++)
        for (let i = 0; i < from; i++)
          for (let yx = 0; yx < k * k; yx++) turned[(yx * from + i) * out + o] = values[at++]!
      return { dtype: 'float32', shape: [...shape.slice(2), from, out], data: turned }
    })
  }

  ints(...values: number[]): string {
    return this.#constant(`ints_${values.join('_')}`, () => {
      return { dtype: 'int32', shape: [values.length], data: Int32Array.from(values) }
    })
  }

  /** Zeros [before, after] along each dimension. */
  paddings(...pairs: [number, number][]): string {
    return this.#constant(`paddings_${pairs.flat().join('_')}`, () => {
      return { dtype: 'int32', shape: [pairs.length, 2], data: Int32Array.from(pairs.flat()) }
    })
  }

  number(value: number): string {
    return this.#constant(`number_${value}`, () => {
      return { dtype: 'float32', shape: [], data: Float32Array.of(value) }
    })
  }

  #constant(name: string, make: () => HostTensor): string {
    if (this.constants.has(name)) return name
    const tensor = make()
    const dtype = tensor.dtype === 'int32' ? INT : FLOAT
    const value = { tensor: { dtype: dtype.type, tensorShape: dims(tensor.shape) } } // its numbers are in the shards
    this.constants.set(name, tensor)
    return this.add('Const', name, [], { dtype, value })
  }
}

function add(operation: Operation, graph: Graph): void {
  const { input, output } = operation
  const x = input.name
  const name = output.name
  const part = (of: string) => `${name}/${of}`
  const node = (op: string, inputs: string[], attr?: Record<string, object>) => graph.add(op, name, inputs, attr)
  switch (operation.type) {
    case 'conv': {
      const { weight, bias, stride, pad } = operation
      const padded = pad > 0 ? padAround(pad) : x
      const attr = { ...T, strides: list(1, stride, stride, 1), padding: text('VALID'), data_format: text('NHWC') }
      const convolved = { ...attr, dilations: list(1, 1, 1, 1) }
      if (!bias) return void node('Conv2D', [padded, graph.turned(weight)], convolved)
      const inputs = [padded, graph.turned(weight), graph.weight(bias)]
      return void node('_FusedConv2D', inputs, { ...convolved, ...WITH_BIAS })
    }
    case 'batchNorm': {
      const { weight, bias, mean, variance, epsilon } = operation
      const attr = { ...T, U: FLOAT, epsilon: { f: epsilon }, data_format: text('NHWC'), is_training: { b: false } }
      return void node('FusedBatchNormV3', [x, ...[weight, bias, mean, variance].map((w) => graph.weight(w))], attr)
    }
    case 'maxPool': {
      const { size, stride, pad } = operation
      const padded = padAround(pad)
      const windows = { ksize: list(1, size, size, 1), strides: list(1, stride, stride, 1) }
      return void node('MaxPool', [padded], { ...T, ...windows, padding: text('VALID'), data_format: text('NHWC') })
    }
    case 'globalMean':
      return void mean(name, x, [1, 2], false)
    case 'tokens':
    case 'reshape':
      return void node('Reshape', [x, graph.ints(...output.shape)], { ...T, Tshape: INT })
    case 'prependZeros': {
      const rows = graph.paddings([0, 0], [1, 0], [0, 0])
      return void node('Pad', [x, rows], PAD)
    }
    case 'linear': {
      const inputs = [x, graph.turned(operation.weight), graph.weight(operation.bias)]
      const attr = { ...T, transpose_a: { b: false }, transpose_b: { b: false } }
      return void node('_FusedMatMul', inputs, { ...attr, ...WITH_BIAS })
    }
    case 'layerNorm': {
      const centred = graph.add('Sub', part('centred'), [x, mean(part('mean'), x, [1], true)])
      const squares = graph.add('Mul', part('squares'), [centred, centred])
      const variance = mean(part('variance'), squares, [1], true)
      const positive = graph.add('AddV2', part('positive'), [variance, graph.number(operation.epsilon)])
      const inverse = graph.add('Rsqrt', part('inverse'), [positive])
      const normal = graph.add('Mul', part('normal'), [centred, inverse])
      const scaled = graph.add('Mul', part('scaled'), [normal, graph.weight(operation.weight)])
      return void node('AddV2', [scaled, graph.weight(operation.bias)])
    }
    case 'add':
      return void node('AddV2', [x, operation.other.name])
    case 'addWeight':
      return void node('AddV2', [x, graph.weight(operation.weight)])
    case 'scale':
      return void node('Mul', [x, graph.number(operation.by)])
    case 'matMul':
      return void node('BatchMatMulV2', [x, operation.other.name], { ...T, adj_x: { b: false }, adj_y: { b: false } })
    case 'softmax':
      return void node('Softmax', [x])
    case 'gelu': {
      const t = graph.add('Mul', part('t'), [x, graph.number(Math.SQRT1_2)])
      const erf = graph.add('Erf', part('erf'), [t])
      const half = graph.add('Mul', part('half'), [erf, graph.number(0.5)])
      const cdf = graph.add('AddV2', part('cdf'), [half, graph.number(0.5)])
      return void node('Mul', [x, cdf])
    }
    case 'relu':
      return void node('Relu', [x])
    case 'transpose':
      return void node('Transpose', [x, graph.ints(...operation.order)], { ...T, Tperm: INT })
    case 'slice': {
      const begin = output.shape.map((_, axis) => (axis === operation.axis ? operation.from : 0))
      return void node('Slice', [x, graph.ints(...begin), graph.ints(...output.shape)], { ...T, Index: INT })
    }
  }

  function padAround(pad: number): string {
    const sides = graph.paddings([0, 0], [pad, pad], [pad, pad], [0, 0])
    return graph.add('Pad', part('padded'), [x, sides], PAD)
  }

  function mean(name: string, of: string, axes: number[], keep: boolean): string {
    return graph.add('Mean', name, [of, graph.ints(...axes)], { ...T, Tidx: INT, keep_dims: { b: keep } })
  }
}

const WITH_BIAS = { fused_ops: { list: { s: [text('BiasAdd').s] } }, num_args: { i: '1' } }
const PAD = { ...T, Tpaddings: INT }

function dims(shape: readonly number[]) {
  return { dim: shape.map((size) => ({ size: String(size) })) }
}

function list(...values: number[]) {
  return { list: { i: values.map(String) } }
}

/** Bytes are base64 in a protocol buffer's JSON. */
function text(value: string) {
  return { s: btoa(value) }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** All bytes one after the other, in files of one size; the last one is what is left. */
function cut(parts: Uint8Array[]): Uint8Array[] {
  const total = parts.reduce((sum, { length }) => sum + length, 0)
  const all = new Uint8Array(total)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  const shards = Math.max(1, Math.ceil(total / SHARD_BYTES))
  return Array.from({ length: shards }, (_, i) => all.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES))
}
