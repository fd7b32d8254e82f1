import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'
import { nodeName } from './emit.js'
import type { Program, TensorType } from './ir.js'

/** When one node of a graph ran. */
export interface NodeTime {
  /** Its name in TensorFlow's graph: the program's, its scope, its op and its place in the program. */
  name: string
  /** The program's op; of a node that is not in the program, such as a transfer, what TensorFlow calls it. */
  op: string
  /** The op as TensorFlow ran it, such as _MklMatMul for MatMul. */
  kernel: string
  /** Where it was traced, such as `backward/student/blocks.3/attn`; `assign` for the assignments of variables. */
  scope: string
  /** What it takes and gives, if it is in the program. */
  inputs?: readonly TensorType[]
  outputs?: readonly TensorType[]
  device: string
  thread: number
  /** Microseconds since the epoch. */
  startUs: number
  /** Microseconds in its kernel. */
  us: number
}

/** RunOptions { trace_level: FULL_TRACE }, serialised. */
export const FULL_TRACE = Uint8Array.of(0x08, 3)

/** Says of each node of a program what it is, by its name. */
export function describe(program: Program, prefix: string, times: readonly NodeTime[]): NodeTime[] {
  const places = new Map(program.nodes.map((node, i) => [nodeName(prefix, node.scope, node.op, i), node]))
  const root = nodeName(prefix, '', 'x', 0).slice(0, -'x_0'.length)
  return times.map((time) => {
    const node = places.get(time.name)
    if (!node) {
      const path = time.name.startsWith(root) ? time.name.slice(root.length) : ''
      return { ...time, scope: /^(assign|finite)\//.exec(path)?.[1] ?? '' }
    }
    const { op, scope, outputs } = node
    const inputs = node.inputs.map(({ node, output }) => program.nodes[node]!.outputs[output]!)
    return { ...time, op, scope, inputs, outputs }
  })
}

/** The node times out of a serialised RunMetadata. Field numbers: tensorflow/core/framework/step_stats.proto. */
export function readRunMetadata(bytes: Uint8Array): NodeTime[] {
  const nodes: NodeTime[] = []
  fields(bytes, {
    1: (stepStats) => {
      fields(stepStats.bytes(), {
        1: (deviceStats) => {
          let device = ''
          const own: NodeTime[] = []
          fields(deviceStats.bytes(), {
            1: (r) => (device = r.string()),
            2: (r) => own.push(nodeTime(r.bytes())),
          })
          for (const node of own) nodes.push({ ...node, device })
        },
      })
    },
  })
  return nodes
}

/** TensorFlow's label reads `name = op(inputs)`. */
function nodeTime(bytes: Uint8Array): NodeTime {
  let name = ''
  let label = ''
  let thread = 0
  let start = 0
  let from = 0
  let to = 0
  fields(bytes, {
    1: (r) => (name = r.string()),
    8: (r) => (label = r.string()),
    10: (r) => (thread = r.uint32()),
    13: (r) => (start = Number(r.int64())),
    14: (r) => (from = Number(r.int64())),
    15: (r) => (to = Number(r.int64())),
  })
  const kernel = /= ([^(]+)\(/.exec(label)?.[1] ?? ''
  return {
    name,
    op: kernel.replace(/^_Mkl/, ''),
    kernel,
    scope: '',
    device: '',
    thread,
    startUs: (start + from) / 1000,
    us: (to - from) / 1000,
  }
}

function fields(bytes: Uint8Array, visit: Record<number, (reader: BinaryReader) => unknown>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type]: [number, WireType] = reader.tag()
    if (visit[field]) visit[field](reader)
    else reader.skip(type)
  }
}
