import type { HostTensor } from './host-tensor.js'
import { nameOf, type Program, rewrite } from './ir.js'

/** The program with the values that its variables have now in their place. */
export async function freeze(
  program: Program,
  read: (names: string[]) => Promise<Record<string, HostTensor>>,
): Promise<Program> {
  const assigned = Object.keys(program.updates)
  if (assigned.length > 0) {
    throw new TypeError(`${program.name}: frozen variables cannot be assigned, and it assigns ${assigned.join(', ')}.`)
  }
  const values = await read([...new Set(program.nodes.filter(({ op }) => op === 'ReadVariableOp').map(nameOf))])
  return rewrite(program, (node, builder) =>
    node.op === 'ReadVariableOp' ? [builder.constant(values[nameOf(node)]!, node.scope)] : undefined,
  )
}
