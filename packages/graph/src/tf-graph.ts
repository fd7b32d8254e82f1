import { type Output, type Pointer, packOutputs } from './capi.js'
import type { Attribute, TensorType } from './ir.js'
import type { TensorFlow } from './tensorflow.js'
import { TYPE_NUMBER, typeName } from './tf-types.js'

export interface AddOptions {
  /** Operations that have to be done before this one. */
  control?: readonly Pointer[]
  /** Where TensorFlow should run it, such as /device:GPU:0. */
  device?: string
}

/** A TF_Graph under construction. */
export class TfGraph {
  readonly pointer: Pointer

  constructor(readonly lib: TensorFlow) {
    this.pointer = lib.c.newGraph()
  }

  /** Adds an operation; TensorFlow checks it and infers the shapes of its outputs. */
  add(
    op: string,
    name: string,
    inputs: readonly Output[],
    attributes: Readonly<Record<string, Attribute>>,
    { control = [], device }: AddOptions = {},
  ): Pointer {
    const { c, status } = this.lib
    const def = this.lib.opDef(this.pointer, op)
    const description = c.newOperation(this.pointer, op, name)
    if (device) c.setDevice(description, device)
    const lists = def.inputs.filter(({ isList }) => isList).length
    const each = lists && (inputs.length - def.inputs.length + lists) / lists
    let next = 0
    for (const { isList } of def.inputs) {
      if (!isList) {
        if (next < inputs.length) c.addInput(description, inputs[next++]!)
        continue
      }
      c.addInputList(description, packOutputs(inputs.slice(next, next + each)), each)
      next += each
    }
    for (const operation of control) c.addControlInput(description, operation)
    for (const [key, attribute] of Object.entries(attributes)) {
      if (!def.inferred.has(key)) this.setAttribute(description, key, attribute)
    }
    const operation = c.finishOperation(description, status)
    this.lib.check(op)
    return operation!
  }

  /** Makes another graph a function of this one, to be called by its name. */
  define(name: string, body: TfGraph, inputs: readonly Output[], outputs: readonly Output[]): void {
    const { c, status } = this.lib
    // biome-ignore format: as the C function lists them
    const made = c.graphToFunction(
      body.pointer, name, 0, -1, null, inputs.length, packOutputs(inputs), outputs.length, packOutputs(outputs), null, null, '',
      status,
    )
    this.lib.check(name)
    try {
      c.graphCopyFunction(this.pointer, made!, null, status)
      this.lib.check(name)
    } finally {
      c.deleteFunction(made!)
    }
  }

  /** Adds a call of a function that XLA compiles. */
  call(name: string, node: string, inputs: readonly Output[], { device }: AddOptions = {}): Pointer {
    const { c, status } = this.lib
    const description = c.newOperation(this.pointer, name, node)
    if (device) c.setDevice(description, device)
    for (const input of inputs) c.addInput(description, input)
    c.setAttrBool(description, '_XlaMustCompile', 1)
    const operation = c.finishOperation(description, status)
    this.lib.check(name)
    return operation!
  }

  private setAttribute(description: Pointer, key: string, attribute: Attribute): void {
    const { lib } = this
    const { c } = lib
    const { type, value } = attribute
    if (type === 'tensor') {
      const tensor = lib.toTensor(value)
      try {
        c.setAttrTensor(description, key, tensor, lib.status) // copies
        lib.check(key)
      } finally {
        lib.deleteTensor(tensor)
      }
    } else if (type === 'int') c.setAttrInt(description, key, value)
    else if (type === 'ints') c.setAttrInts(description, key, BigInt64Array.from(value, BigInt), value.length)
    else if (type === 'shape') c.setAttrShape(description, key, BigInt64Array.from(value, BigInt), value.length)
    else if (type === 'dtype') c.setAttrType(description, key, TYPE_NUMBER[value])
    else if (type === 'bool') c.setAttrBool(description, key, value ? 1 : 0)
    else if (type === 'string') c.setAttrString(description, key, value, Buffer.byteLength(value))
    else if (type === 'strings') {
      const lengths = BigInt64Array.from(value, (text) => BigInt(Buffer.byteLength(text)))
      c.setAttrStrings(description, key, [...value], lengths, value.length)
    } else c.setAttrFloat(description, key, value)
  }

  /** The inferred type of an output. A dimension is -1 where it depends on values; the shape is undefined where even the rank does. */
  type(output: Output): { dtype: TensorType['dtype'] | undefined; shape: number[] | undefined } {
    const { lib } = this
    const { c } = lib
    const name = typeName(c.outputType(output))
    const dtype = name === 'string' || name === 'resource' ? undefined : name
    const rank = c.numShapeDims(this.pointer, output, lib.status)
    lib.check('shape')
    if (rank < 0) return { dtype, shape: undefined }
    const shape = new BigInt64Array(rank)
    if (rank > 0) {
      c.shape(this.pointer, output, shape, rank, lib.status)
      lib.check('shape')
    }
    return { dtype, shape: Array.from(shape, Number) }
  }

  delete(): void {
    this.lib.c.deleteGraph(this.pointer)
  }
}
