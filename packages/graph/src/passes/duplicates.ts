import { createHash } from 'node:crypto'
import type { HostTensor } from '../host-tensor.js'
import { type Attribute, type Node, type Program, type Ref, rewrite } from '../ir.js'

/**
 * Computes once what is written twice: equal constants, and pure nodes of equal op, inputs and attributes.
 *
 * Not across the forward and the backward pass: a gradient that computes something again does so to keep nothing for it.
 */
export function mergeDuplicates(program: Program): Program {
  const seen = new Map<string, readonly Ref[]>()
  return rewrite(program, (node, builder) => {
    if (node.stateful) return undefined
    const key = keyOf(node)
    let refs = seen.get(key)
    if (!refs) seen.set(key, (refs = builder.add(node)))
    return refs
  })
}

function keyOf({ op, inputs, attributes, outputs, scope }: Node): string {
  const names = Object.keys(attributes).sort()
  return JSON.stringify([
    op,
    inputs.map(({ node, output }) => [node, output]),
    names.map((name) => [name, attributes[name]!.type, valueKey(attributes[name]!)]),
    outputs,
    inputs.length > 0 && /^backward\b/.test(scope),
  ])
}

function valueKey(attribute: Attribute) {
  if (attribute.type === 'tensor') return digest(attribute.value)
  if (attribute.type !== 'float') return attribute.value
  return Object.is(attribute.value, -0) ? '-0' : String(attribute.value) // JSON has no -0, Infinity and NaN
}

function digest({ data }: HostTensor): string {
  return createHash('sha1')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('base64')
}
