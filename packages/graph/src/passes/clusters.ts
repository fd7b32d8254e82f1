import { sizeOf } from '../host-tensor.js'
import type { Node, Program, Ref, TensorType } from '../ir.js'

/** What XLA turns into one loop: each output element needs a few input elements and some arithmetic. */
const ELEMENT_WISE = new Set(
  (
    'Abs Add AddV2 Cast Equal Erf Exp Expm1 Greater GreaterEqual Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr ' +
    'Maximum Minimum Mul Neg NotEqual Pow RealDiv Relu Rsqrt Select SelectV2 Sigmoid Sign Sqrt Square SquaredDifference Sub Tanh'
  ).split(' '),
)
const REDUCTIONS = new Set(['Max', 'Mean', 'Min', 'Sum'])

/** A reduction to fewer numbers than this has too little to share out among threads; TensorFlow's own splits the inside too. */
const LEAST_REDUCED = 16
/** A tensor below this size is little after the sum of a large one. */
const LARGE = 2048
/** Tensors below this size, such as learning rates, would connect everything. */
const SCALAR = 16
/** Constants up to this size are copied into every cluster that uses them: XLA has to know axes and shapes. */
const SMALL_CONSTANT = 64

/**
 * Groups of nodes that are worth computing in one pass over memory, each a list of places in the program.
 *
 * Nodes are put into levels that never fall along an edge, and rise behind a node that cannot be fused (or that sums up much into
 * little: what follows has to wait for all of it). Connected nodes of one level make a cluster. No way leaves a cluster and comes
 * back: it would lead through a rise, or through connected nodes of the same level, which belong to the cluster. Scalars that need
 * nothing else of their level (learning rates, bias corrections) would connect everything: they join a cluster only if nobody
 * else needs them.
 */
export function findClusters(program: Program): number[][] {
  const { nodes } = program
  const fusible = nodes.map((node) => isFusible(node, program))
  const levels = levelsOf(nodes, fusible)
  raiseLevels(program, fusible, levels)
  const rooted = rootedNodes(nodes, fusible, levels)
  const cluster = Int32Array.from(nodes, (_, i) => i)
  const find = (i: number): number => {
    while (cluster[i] !== i) i = cluster[i] = cluster[cluster[i]!]!
    return i
  }
  nodes.forEach((node, i) => {
    if (!fusible[i] || rooted[i]) return
    for (const { node: input } of node.inputs) {
      if (fusible[input] && !rooted[input] && levels[input] === levels[i]) cluster[find(input)] = find(i)
    }
  })
  const members = new Map<number, Set<number>>()
  nodes.forEach((_, i) => {
    if (!fusible[i] || rooted[i]) return
    const root = find(i)
    members.set(root, (members.get(root) ?? new Set()).add(i))
  })
  absorbSmall(program, rooted, members, (i) => (fusible[i] && !rooted[i] ? find(i) : -1))
  return [...members.values()]
    .map((cluster) => withoutEdges(cluster, program))
    .filter((cluster) => cluster.size > 1 || [...cluster].some((i) => isSlowAlone(nodes[i]!)))
    .map((cluster) => [...cluster].sort((a, b) => a - b))
}

/** Arithmetic in bfloat16, such as a bias or a scale between products: TensorFlow's kernels take one number after another there. */
export function isSlowAlone({ op, outputs }: Node): boolean {
  return outputs[0]?.dtype === 'bfloat16' && /^(Add|AddV2|Mul|Sub)$/.test(op)
}

/** Whether a constant is copied into the clusters that use it. */
export function isCopied({ op, outputs }: Node): boolean {
  return op === 'Const' && sizeOf(outputs[0]!.shape) <= SMALL_CONSTANT
}

function isFusible(node: Node, { nodes }: Program): boolean {
  const type = node.outputs[0]
  if (node.stateful || !type || type.dtype === 'complex64') return false
  if (node.inputs.some((ref) => typeOf(nodes, ref).dtype === 'complex64')) return false
  if (ELEMENT_WISE.has(node.op)) return true
  if (node.op !== 'Reshape' && !REDUCTIONS.has(node.op)) return false
  if (!isCopied(nodes[node.inputs[1]!.node]!)) return false
  return node.op === 'Reshape' || sizeOf(type.shape) >= LEAST_REDUCED
}

function levelsOf(nodes: readonly Node[], fusible: readonly boolean[]): number[] {
  const levels: number[] = []
  for (const node of nodes) {
    let level = 0
    for (const { node: input } of node.inputs)
      level = Math.max(level, levels[input]! + rise(nodes[input]!, fusible[input]!))
    levels.push(level)
  }
  return levels
}

function rise(node: Node, fusible: boolean): number {
  return fusible && !(REDUCTIONS.has(node.op) && !isLarge(node.outputs[0]!)) ? 0 : 1
}

/**
 * Puts nodes that are needed late as late as that, so that they join those that need them: the decayed moments of an optimizer
 * do not wait in memory for the gradients. Not where it would keep more alive: only what is no smaller than its inputs.
 */
function raiseLevels({ nodes, outputs }: Program, fusible: readonly boolean[], levels: number[]): void {
  const latest = new Float64Array(nodes.length).fill(Number.POSITIVE_INFINITY)
  for (const { node } of Object.values(outputs)) latest[node] = levels[node]!
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!
    const size = sizeOf(node.outputs[0]?.shape ?? [])
    const grows = node.inputs.every((ref) => sizeOf(typeOf(nodes, ref).shape) <= size)
    if (fusible[i] && grows && Number.isFinite(latest[i])) levels[i] = latest[i]!
    for (const { node: input } of node.inputs) {
      latest[input] = Math.min(latest[input]!, levels[i]! - rise(nodes[input]!, fusible[input]!))
    }
  }
}

/** Scalars that no other tensor of their level leads to. */
function rootedNodes(nodes: readonly Node[], fusible: readonly boolean[], levels: readonly number[]): boolean[] {
  const rooted: boolean[] = []
  nodes.forEach((node, i) => {
    const free = ({ node: input }: Ref) => !fusible[input] || levels[input] !== levels[i] || rooted[input]
    rooted.push(fusible[i]! && sizeOf(node.outputs[0]!.shape) < SCALAR && node.inputs.every(free))
  })
  return rooted
}

/** Takes rooted nodes into the one cluster that needs them. */
function absorbSmall(
  program: Program,
  rooted: readonly boolean[],
  members: Map<number, Set<number>>,
  clusterOf: (i: number) => number,
): void {
  const SEVERAL = -2
  const NONE = -1
  const users = new Int32Array(program.nodes.length).fill(NONE) // the cluster that needs a node, before it is decided
  const use = (i: number, cluster: number) => {
    users[i] = users[i] === NONE || users[i] === cluster ? cluster : SEVERAL
  }
  for (const { node } of Object.values(program.outputs)) use(node, SEVERAL)
  for (let i = program.nodes.length - 1; i >= 0; i--) {
    let own = clusterOf(i)
    if (rooted[i] && users[i]! >= 0) {
      own = users[i]!
      members.get(own)!.add(i)
    }
    for (const { node } of program.nodes[i]!.inputs) use(node, own === NONE ? SEVERAL : own)
  }
}

/** A reshape at the edge of a cluster costs nothing outside it, and may cost a copy inside. */
function withoutEdges(cluster: Set<number>, program: Program): Set<number> {
  const { nodes } = program
  const order = [...cluster].sort((a, b) => a - b)
  const needed = new Set<number>() // by a member
  for (const i of order) {
    if (nodes[i]!.op === 'Reshape' && !cluster.has(nodes[i]!.inputs[0]!.node)) cluster.delete(i)
  }
  for (const i of order.reverse()) {
    if (!cluster.has(i)) continue
    if (nodes[i]!.op === 'Reshape' && !needed.has(i)) cluster.delete(i)
    else for (const { node } of nodes[i]!.inputs) needed.add(node)
  }
  return cluster
}

function isLarge({ shape }: TensorType): boolean {
  return sizeOf(shape) >= LARGE
}

function typeOf(nodes: readonly Node[], { node, output }: Ref): TensorType {
  return nodes[node]!.outputs[output]!
}
