import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'

/** When one node of a graph ran. */
export interface NodeTime {
  /** Its name in TensorFlow's graph: the program's, its scope, its op and its place in the program. */
  name: string
  /** The op as TensorFlow ran it, such as _MklMatMul for MatMul. */
  op: string
  device: string
  thread: number
  /** Microseconds since the epoch. */
  startUs: number
  /** Microseconds in its kernel. */
  us: number
}

/** RunOptions { trace_level: FULL_TRACE }, serialised. */
export const FULL_TRACE = Uint8Array.of(0x08, 3)

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
  const op = /= ([^(]+)\(/.exec(label)?.[1] ?? ''
  return { name, op, device: '', thread, startUs: (start + from) / 1000, us: (to - from) / 1000 }
}

function fields(bytes: Uint8Array, visit: Record<number, (reader: BinaryReader) => unknown>): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type]: [number, WireType] = reader.tag()
    if (visit[field]) visit[field](reader)
    else reader.skip(type)
  }
}
