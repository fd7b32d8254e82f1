import { sizeOf } from '../host-tensor.js'
import { type Node, type Program, ProgramBuilder, type Ref } from '../ir.js'
import { findClusters, isCopied, isSlowAlone } from './clusters.js'
import { dropDeadCode } from './dead-code.js'
import { addRowSum, BARRIER, isRowSum } from './row-sums.js'

/** What running TensorFlow's executor for a node costs, and what writing a byte and reading it again costs, in microseconds. */
const NODE_US = 3
const BYTE_US = 1e-4
/** What XLA saves of arithmetic in bfloat16, in microseconds a number. */
const SLOW_US = 4e-4
/** XLA compiles a function in about 80 ms, so that one that saves this much in each call has paid after some 100 calls. */
const LEAST_SAVED_US = 1000

/**
 * Computes element-wise ops and reductions that follow one another in one pass over memory: each cluster becomes a function that
 * XLA compiles, for vector units that TensorFlow's own kernels leave unused. Equal clusters share a function. Rounds otherwise than
 * op by op does.
 *
 * @param leastSavedUs what a function has to save, in microseconds of all its calls in one call of the program
 */
export function fuse(given: Program, leastSavedUs = LEAST_SAVED_US): Program {
  const alive = dropDeadCode(given) // what nobody needs would be fused with what somebody does
  const program = { ...alive, nodes: [...alive.nodes, BARRIER] } // the last node: an input of functions that sum rows
  const functions = new Functions()
  const clusters = worthwhile(program, findClusters(alive), functions, leastSavedUs)
  if (clusters.length === 0) return given
  const clusterOf = new Map(clusters.flatMap(({ members }, c) => members.map((i) => [i, c] as const)))
  const builder = new ProgramBuilder()
  const places: (readonly Ref[])[] = []
  const moved = ({ node, output }: Ref): Ref => {
    if (!places[node]) emit(node)
    return places[node]![output]!
  }
  const emit = (i: number) => {
    const c = clusterOf.get(i)
    if (c === undefined) {
      const node = program.nodes[i]!
      places[i] = builder.add({ ...node, inputs: node.inputs.map(moved) })
      return
    }
    const { members, results, inputs, name } = clusters[c]!
    const node: Node = {
      op: 'Fused',
      inputs: inputs.map(moved),
      attributes: { function: { type: 'string', value: name } },
      outputs: results.map((member) => program.nodes[member]!.outputs[0]!),
      scope: commonScope(members.map((member) => program.nodes[member]!.scope)),
    }
    for (const ref of builder.add(node)) places[results[ref.output]!] = [ref]
  }
  alive.nodes.forEach((_, i) => {
    const c = clusterOf.get(i)
    if (places[i] || (c !== undefined && i !== clusters[c]!.results.at(-1))) return
    emit(i)
  })
  const all = (refs: Readonly<Record<string, Ref>>) =>
    Object.fromEntries(Object.entries(refs).map(([name, ref]) => [name, moved(ref)]))
  const [outputs, updates] = [all(program.outputs), all(program.updates)]
  return {
    ...program,
    nodes: builder.nodes,
    outputs,
    updates,
    functions: functions.named(clusters.map(({ name }) => name)),
  }
}

interface Cluster {
  members: readonly number[]
  /** Members that others need. */
  results: readonly number[]
  inputs: readonly Ref[]
  /** Of its function. */
  name: string
}

/** The clusters whose functions save enough, over all calls of them. */
function worthwhile(program: Program, found: readonly number[][], functions: Functions, least: number): Cluster[] {
  const clusterOf = new Map(found.flatMap((members, c) => members.map((i) => [i, c] as const)))
  const needed = neededOutside(program, clusterOf)
  const saved = new Map<string, number>()
  const clusters = found.map((members) => {
    const results = members.filter((member) => needed.has(member))
    const { body, inputs } = bodyOf(program, members, results)
    const name = functions.name(body)
    const inside = members.filter((member) => !needed.has(member)).map((member) => program.nodes[member]!)
    const slow = members.map((member) => program.nodes[member]!).filter(isSlowAlone)
    const us =
      inside.reduce((sum, { outputs: [type] }) => sum + NODE_US + 4 * BYTE_US * sizeOf(type!.shape), 0) +
      slow.reduce((sum, { outputs: [type] }) => sum + SLOW_US * sizeOf(type!.shape), 0)
    saved.set(name, (saved.get(name) ?? 0) + us)
    return { members, results, inputs, name }
  })
  return clusters.filter(({ name, results }) => results.length > 0 && saved.get(name)! >= least)
}

/** Nodes of clusters whose results somebody else needs. */
function neededOutside({ nodes, outputs, updates }: Program, clusterOf: ReadonlyMap<number, number>): Set<number> {
  const needed = new Set<number>()
  nodes.forEach(({ inputs }, i) => {
    for (const { node } of inputs) if (clusterOf.get(node) !== clusterOf.get(i)) needed.add(node)
  })
  for (const { node } of [...Object.values(outputs), ...Object.values(updates)]) needed.add(node)
  return needed
}

/** A cluster as a program of its own, and what it is given. */
function bodyOf(program: Program, members: readonly number[], results: readonly number[]) {
  const builder = new ProgramBuilder()
  const barrier: Ref = { node: program.nodes.length - 1, output: 0 }
  const inputs: Ref[] = []
  const inside = new Map<string, Ref>()
  const local = (ref: Ref): Ref => {
    const key = `${ref.node}:${ref.output}`
    let found = inside.get(key)
    if (found) return found
    const source = program.nodes[ref.node]!
    if (isCopied(source) && ref.node !== barrier.node) found = builder.add({ ...source, scope: '' })[0]!
    else {
      const { dtype, shape } = source.outputs[ref.output]!
      found = builder.add({
        op: 'Placeholder',
        inputs: [],
        attributes: {
          name: { type: 'string', value: String(inputs.push(ref) - 1) },
          dtype: { type: 'dtype', value: dtype },
          shape: { type: 'shape', value: shape },
        },
        outputs: [{ dtype, shape }],
        scope: '',
      })[0]!
    }
    inside.set(key, found)
    return found
  }
  for (const i of members) {
    const node = { ...program.nodes[i]!, scope: '' }
    const ref = isRowSum(node, program.nodes)
      ? addRowSum(node, local(node.inputs[0]!), local(barrier), builder)
      : builder.add({ ...node, inputs: node.inputs.map(local) })[0]!
    inside.set(`${i}:0`, ref)
  }
  const outputs = Object.fromEntries(results.map((i, k) => [String(k), inside.get(`${i}:0`)!]))
  const body: Program = { name: '', nodes: builder.nodes, outputs, updates: {} }
  return { body, inputs }
}

/** Functions by what they compute. */
class Functions {
  private readonly bodies = new Map<string, Program>()
  private readonly names = new Map<string, string>()

  name(body: Program): string {
    const key = JSON.stringify([body.nodes, body.outputs], (_, value) =>
      ArrayBuffer.isView(value) ? Array.from(value as Float32Array, String) : value,
    )
    let name = this.names.get(key)
    if (name === undefined) {
      name = `fused_${this.names.size}`
      this.names.set(key, name)
      this.bodies.set(name, { ...body, name })
    }
    return name
  }

  named(names: readonly string[]): Record<string, Program> {
    return Object.fromEntries([...new Set(names)].map((name) => [name, this.bodies.get(name)!]))
  }
}

function commonScope(scopes: readonly string[]): string {
  const parts = scopes[0]!.split('/')
  let common = parts.length
  for (const scope of scopes) {
    const other = scope.split('/')
    for (let k = 0; k < common; k++) if (other[k] !== parts[k]) common = k
  }
  return parts.slice(0, common).join('/')
}
