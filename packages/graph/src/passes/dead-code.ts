import { mapRefs, type Node, type Program, type Ref } from '../ir.js'

/** Drops nodes that neither an output nor an update needs. */
export function dropDeadCode(program: Program): Program {
  const alive = new Uint8Array(program.nodes.length)
  for (const { node } of [...Object.values(program.outputs), ...Object.values(program.updates)]) alive[node] = 1
  for (let i = program.nodes.length - 1; i >= 0; i--) {
    if (alive[i]) for (const { node } of program.nodes[i]!.inputs) alive[node] = 1
  }
  const places: number[] = []
  const nodes: Node[] = []
  const move = ({ node, output }: Ref): Ref => ({ node: places[node]!, output })
  program.nodes.forEach((node, i) => {
    if (alive[i]) places[i] = nodes.push({ ...node, inputs: node.inputs.map(move) }) - 1
  })
  return { ...program, nodes, outputs: mapRefs(program.outputs, move), updates: mapRefs(program.updates, move) }
}
