import type { HostTensor } from '../train/host-tensor.js'

/**
 * A backbone at one image size as a list of operations in the order of their execution: what the formats that hold a program are
 * printed from. Nothing in it says how a format lays out images.
 */
export interface Network {
  /** Images, normalised, float32. */
  input: Value
  operations: Operation[]
  /** What the operations name. */
  weights: Record<string, HostTensor>
  outputs: Value[]
}

/** A tensor on its way. The first size grows with the batch and is written -1; a map is [-1, channels, height, width], however it is stored. */
export interface Value {
  name: string
  shape: readonly number[]
}

export type Operation = { input: Value; output: Value } & Kind

type Kind =
  /** Padded on all sides with zeros. `weight` is [out, in, kernel, kernel]. */
  | { type: 'conv'; weight: string; bias?: string; stride: number; pad: number }
  /** By running statistics. */
  | { type: 'batchNorm'; weight: string; bias: string; mean: string; variance: string; epsilon: number }
  /** Of what is 0 or more, so that padding may be zeros. */
  | { type: 'maxPool'; size: number; stride: number; pad: number }
  /** [-1, C, h, w] → [-1, C] */
  | { type: 'globalMean' }
  /** [-1, C, h, w] → [-1, h · w, C] */
  | { type: 'tokens' }
  /** Puts a row of zeros before the rows: [-1, N, D] → [-1, 1 + N, D] */
  | { type: 'prependZeros' }
  /** x Wᵀ + b: [-1, in] → [-1, out] */
  | { type: 'linear'; weight: string; bias: string }
  /** [-1, D], each row. */
  | { type: 'layerNorm'; weight: string; bias: string; epsilon: number }
  | { type: 'add'; other: Value }
  /** A weight that repeats along the batch. */
  | { type: 'addWeight'; weight: string }
  | { type: 'scale'; by: number }
  /** Of the last two dimensions. */
  | { type: 'matMul'; other: Value }
  /** Along the last dimension. */
  | { type: 'softmax' }
  /** x Φ(x), not its approximation. */
  | { type: 'gelu' }
  | { type: 'relu' }
  | { type: 'reshape' }
  | { type: 'transpose'; order: readonly number[] }
  /** `shape[axis]` entries of the output, from this one. */
  | { type: 'slice'; axis: number; from: number }

/** Adds operations to a network, one after the other; each gives its output. */
export class NetworkBuilder {
  readonly input: Value
  readonly #operations: Operation[] = []
  readonly #outputs: Value[] = []

  /** @param shape of the images: [channels, height, width] */
  constructor(
    shape: readonly [number, number, number],
    private readonly weights: Record<string, HostTensor>,
  ) {
    this.input = { name: 'images', shape: [-1, ...shape] }
  }

  /** Square kernel; `name` is that of its weight without `.weight`, and of its bias if there is one. */
  conv(input: Value, name: string, stride: number, pad: number): Value {
    const weight = `${name}.weight`
    const [, , height, width] = input.shape as [number, number, number, number]
    const [out, , kernel] = this.#shapeOf(weight) as [number, number, number]
    const side = (size: number) => Math.floor((size + 2 * pad - kernel) / stride) + 1
    const bias = this.weights[`${name}.bias`] && `${name}.bias`
    const kind: Kind = { type: 'conv', weight, ...(bias && { bias }), stride, pad }
    return this.#add(input, kind, [-1, out, side(height), side(width)], name)
  }

  batchNorm(input: Value, name: string, epsilon: number): Value {
    const [weight, bias] = [`${name}.weight`, `${name}.bias`]
    const [mean, variance] = [`${name}.running_mean`, `${name}.running_var`]
    return this.#add(input, { type: 'batchNorm', weight, bias, mean, variance, epsilon }, input.shape, name)
  }

  maxPool(input: Value, size: number, stride: number, pad: number): Value {
    const [, channels, height, width] = input.shape as [number, number, number, number]
    const side = (length: number) => Math.floor((length + 2 * pad - size) / stride) + 1
    return this.#add(input, { type: 'maxPool', size, stride, pad }, [-1, channels, side(height), side(width)])
  }

  globalMean(input: Value): Value {
    return this.#add(input, { type: 'globalMean' }, [-1, input.shape[1]!])
  }

  tokens(input: Value): Value {
    const [, channels, height, width] = input.shape as [number, number, number, number]
    return this.#add(input, { type: 'tokens' }, [-1, height * width, channels])
  }

  prependZeros(input: Value): Value {
    const [, rows, width] = input.shape as [number, number, number]
    return this.#add(input, { type: 'prependZeros' }, [-1, 1 + rows, width])
  }

  linear(input: Value, name: string): Value {
    const weight = `${name}.weight`
    return this.#add(input, { type: 'linear', weight, bias: `${name}.bias` }, [-1, this.#shapeOf(weight)[0]!], name)
  }

  layerNorm(input: Value, name: string, epsilon: number): Value {
    const kind: Kind = { type: 'layerNorm', weight: `${name}.weight`, bias: `${name}.bias`, epsilon }
    return this.#add(input, kind, input.shape, name)
  }

  add(input: Value, other: Value): Value {
    return this.#add(input, { type: 'add', other }, input.shape)
  }

  addWeight(input: Value, weight: string): Value {
    return this.#add(input, { type: 'addWeight', weight }, input.shape)
  }

  scale(input: Value, by: number): Value {
    return this.#add(input, { type: 'scale', by }, input.shape)
  }

  matMul(input: Value, other: Value): Value {
    return this.#add(input, { type: 'matMul', other }, [...input.shape.slice(0, -1), other.shape.at(-1)!])
  }

  softmax(input: Value): Value {
    return this.#add(input, { type: 'softmax' }, input.shape)
  }

  gelu(input: Value): Value {
    return this.#add(input, { type: 'gelu' }, input.shape)
  }

  relu(input: Value): Value {
    return this.#add(input, { type: 'relu' }, input.shape)
  }

  reshape(input: Value, ...shape: number[]): Value {
    return this.#add(input, { type: 'reshape' }, shape)
  }

  transpose(input: Value, ...order: number[]): Value {
    return this.#add(
      input,
      { type: 'transpose', order },
      order.map((axis) => input.shape[axis]!),
    )
  }

  slice(input: Value, axis: number, from: number, size: number): Value {
    const shape = input.shape.map((length, i) => (i === axis ? size : length))
    return this.#add(input, { type: 'slice', axis, from }, shape)
  }

  /** Makes a value an output of the network, under this name. */
  output(value: Value, name: string): void {
    value.name = name
    this.#outputs.push(value)
  }

  finish(): Network {
    return { input: this.input, operations: this.#operations, weights: this.weights, outputs: this.#outputs }
  }

  #add(input: Value, kind: Kind, shape: readonly number[], name?: string): Value {
    const output = { name: name ?? `${kind.type}_${this.#operations.length}`, shape }
    this.#operations.push({ input, output, ...kind })
    return output
  }

  #shapeOf(weight: string): number[] {
    const found = this.weights[weight]
    if (!found) throw new Error(`network: expected a weight called ${weight}, there is none.`)
    return found.shape
  }
}
