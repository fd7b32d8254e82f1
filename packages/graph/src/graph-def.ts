import { emit } from './emit.js'
import type { HostTensor } from './host-tensor.js'
import type { Attribute, Program } from './ir.js'
import type { TensorFlow } from './tensorflow.js'
import { TfGraph } from './tf-graph.js'
import type { TensorSpec } from './traceable.js'

/** A program as TensorFlow's GraphDef, serialised: its nodes named by scope, its variables under `variables/`. */
export function graphDef(program: Program, variables: Record<string, TensorSpec>, lib: TensorFlow): Uint8Array {
  const graph = new TfGraph(lib)
  const buffer = lib.c.newBuffer()
  try {
    const handle = (name: string) => {
      const { shape, dtype = 'float32' } = variables[name]!
      const attributes: Record<string, Attribute> = {
        shared_name: { type: 'string', value: name },
        dtype: { type: 'dtype', value: dtype as HostTensor['dtype'] },
        shape: { type: 'shape', value: shape },
      }
      const path = `variables/${name.replace(/[^A-Za-z0-9_.\\/>-]/g, '_')}`
      const known = handles.get(name) ?? { oper: graph.add('VarHandleOp', path, [], attributes), index: 0 }
      handles.set(name, known)
      return known
    }
    const handles = new Map<string, { oper: bigint; index: number }>()
    emit(program, { graph, prefix: '', handle })
    lib.c.graphToGraphDef(graph.pointer, buffer, lib.status)
    lib.check(program.name)
    return lib.bytesOf(buffer)
  } finally {
    lib.c.deleteBuffer(buffer)
    graph.delete()
  }
}
