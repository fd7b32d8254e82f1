import { type HostTensor, typeText } from './host-tensor.js'
import type { Attribute, Node, Program, Ref } from './ir.js'

export interface PrintOptions {
  /** Add each node's scope as a comment. Default false. */
  scopes?: boolean
}

const SHOWN = 8 // elements of a constant

/**
 * A program as text, a line a node: `%12: float32[2,197,384] = MatMul(%3, %11) {transpose_b=true}`.
 *
 * Attributes that follow from the inputs (types) and those that are false are left out.
 */
export function printProgram(program: Program, { scopes = false }: PrintOptions = {}): string {
  const lines = program.nodes.map((node, i) => {
    const comment = scopes && node.scope ? `  # ${node.scope}` : ''
    return `${nameOutputs(node, i)} = ${node.op}${call(node, program)}${attributes(node)}${comment}`
  })
  const show = (refs: Readonly<Record<string, Ref>>) =>
    Object.entries(refs)
      .map(([name, ref]) => `${name}=${refText(ref, program)}`)
      .join(', ')
  lines.push(`return ${show(program.outputs) || 'nothing'}`)
  if (Object.keys(program.updates).length > 0) lines.push(`assign ${show(program.updates)}`)
  if (program.finite?.length) lines.push(`if finite ${program.finite.join(', ')}`)
  for (const [name, body] of Object.entries(program.functions ?? {})) {
    lines.push(`${name}:`, printProgram(body).replace(/^/gm, '  '))
  }
  return lines.join('\n')
}

function nameOutputs({ outputs }: Node, index: number): string {
  if (outputs.length === 1) return `%${index}: ${typeText(outputs[0]!)}`
  return `%${index}: (${outputs.map(typeText).join(', ')})`
}

function refText({ node, output }: Ref, program: Program): string {
  return program.nodes[node]!.outputs.length === 1 ? `%${node}` : `%${node}.${output}`
}

function call({ inputs }: Node, program: Program): string {
  return inputs.length === 0 ? '' : `(${inputs.map((ref) => refText(ref, program)).join(', ')})`
}

function attributes(node: Node): string {
  const shown = Object.entries(node.attributes)
    .filter(([, { type, value }]) => type !== 'dtype' && type !== 'shape' && value !== false)
    .map(([name, attribute]) => `${name}=${valueText(attribute)}`)
  const { shape } = node.attributes
  if (shape?.type === 'shape' && shape.value[0] === -1) shown.push('up_to=true')
  return shown.length === 0 ? '' : ` {${shown.join(', ')}}`
}

function valueText(attribute: Attribute): string {
  if (attribute.type === 'tensor') return tensorText(attribute.value)
  if (attribute.type === 'float') return numberText(attribute.value)
  return JSON.stringify(attribute.value)
}

function tensorText({ shape, data }: HostTensor): string {
  const values = Array.from((data as Float32Array | BigInt64Array).subarray(0, SHOWN), numberText)
  if (shape.length === 0) return values[0]!
  const { length } = data as unknown as ArrayLike<number>
  return `[${values.join(', ')}${length > SHOWN ? `, … ${length} in all` : ''}]`
}

/** Six digits tell constants apart without the noise of float32. */
function numberText(value: number | bigint): string {
  if (Object.is(value, -0)) return '-0'
  return typeof value === 'bigint' ? String(value) : String(Number(value.toPrecision(6)))
}
