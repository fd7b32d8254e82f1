import type { Output, Pointer } from './capi.js'
import { nameOf, type Program } from './ir.js'
import { mark } from './not-finite.js'
import { TfGraph } from './tf-graph.js'

/** A program's place in a session's graph. */
export interface Emitted {
  /** The placeholder of each input that the program uses. */
  inputs: Record<string, Output>
  outputs: Record<string, Output>
  /** Assignments, and checks that stand alone. */
  targets: Pointer[]
}

/**
 * Adds a program to a graph. An assignment waits for all reads of its variable, so that a call sees every variable as it was before,
 * and for the outputs that have to be finite.
 *
 * @param prefix makes the names of the nodes unique within the graph
 * @param handle the resource handle of a variable
 */
export function emit(
  program: Program,
  {
    graph,
    prefix,
    handle,
    device,
  }: { graph: TfGraph; prefix: string; handle: (variable: string) => Output; device?: string },
): Emitted {
  const operations: Pointer[] = []
  const inputs: Record<string, Output> = {}
  const reads = new Map<string, Pointer[]>()
  const at = ({ node, output }: { node: number; output: number }): Output => ({
    oper: operations[node]!,
    index: output,
  })
  const functions = defineFunctions(program, graph, prefix)
  program.nodes.forEach((node, i) => {
    const name = nodeName(prefix, node.scope, node.op, i)
    if (node.op === 'ReadVariableOp') {
      const variable = nameOf(node)
      const read = graph.add(node.op, name, [handle(variable)], { dtype: node.attributes.dtype! }, { device })
      reads.set(variable, [...(reads.get(variable) ?? []), read])
      operations.push(read)
    } else if (node.op === 'Placeholder') {
      const { name: _, ...attributes } = node.attributes
      const placeholder = graph.add(node.op, name, [], attributes, { device })
      inputs[nameOf(node)] = { oper: placeholder, index: 0 }
      operations.push(placeholder)
    } else if (node.op === 'Fused') {
      operations.push(graph.call(functions.get(nameOf(node))!, name, node.inputs.map(at), { device }))
    } else {
      operations.push(graph.add(node.op, name, node.inputs.map(at), node.attributes, { device }))
    }
  })
  const checks = (program.finite ?? []).map((output, i) => {
    const ref = program.outputs[output]!
    const { dtype } = program.nodes[ref.node]!.outputs[ref.output]!
    const attributes = { T: { type: 'dtype', value: dtype }, message: { type: 'string', value: mark(output) } } as const
    return graph.add('CheckNumerics', nodeName(prefix, 'finite', 'CheckNumerics', i), [at(ref)], attributes, { device })
  })
  const assignments = Object.entries(program.updates).map(([variable, ref], i) => {
    const { dtype } = program.nodes[ref.node]!.outputs[ref.output]!
    const attributes = { dtype: { type: 'dtype', value: dtype } as const }
    const control = [...(reads.get(variable) ?? []), ...checks]
    const name = nodeName(prefix, 'assign', 'AssignVariableOp', i)
    return graph.add('AssignVariableOp', name, [handle(variable), at(ref)], attributes, { control, device })
  })
  const outputs = Object.entries(program.outputs).map(([name, ref], i) => {
    const node = program.nodes[ref.node]!
    if (node.op !== 'Placeholder') return [name, at(ref)]
    // TensorFlow doesn't fetch what it is fed.
    const type = { type: 'dtype', value: node.outputs[0]!.dtype } as const
    return [
      name,
      { oper: graph.add('Identity', nodeName(prefix, '', 'Output', i), [at(ref)], { T: type }, { device }), index: 0 },
    ]
  })
  return { inputs, outputs: Object.fromEntries(outputs), targets: [...assignments, ...checks] }
}

/** Adds a program's functions to a graph. Returns their names there. */
function defineFunctions({ functions = {} }: Program, graph: TfGraph, prefix: string): Map<string, string> {
  const names = new Map<string, string>()
  for (const [name, body] of Object.entries(functions)) {
    const inner = new TfGraph(graph.lib)
    try {
      const unused = () => {
        throw new Error(`the function ${name} reads a variable`)
      }
      const { inputs, outputs } = emit(body, { graph: inner, prefix: '', handle: unused })
      const defined = `${prefix}_${name}`.replace(/\W/g, '_').replace(/^_/, 'f_')
      const list = (record: Record<string, Output>) => Object.keys(record).map((_, i) => record[i]!)
      graph.define(defined, inner, list(inputs), list(outputs))
      names.set(name, defined)
    } finally {
      inner.delete()
    }
  }
  return names
}

/** TensorFlow's rule for names: [A-Za-z0-9.][A-Za-z0-9_.\\/>-]*. */
export function nodeName(prefix: string, scope: string, op: string, index: number): string {
  const path = [prefix, scope, `${op}_${index}`].filter(Boolean).join('/')
  return path.replace(/[^A-Za-z0-9_.\\/>-]/g, '_').replace(/^[^A-Za-z0-9.]/, 'n_')
}
