import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire'

/** What the graph builder needs of TensorFlow's OpDef. */
export interface OpDef {
  inputs: { name: string; isList: boolean }[]
  /** Attributes that count a list of inputs or name its types; TensorFlow infers them from the list. */
  inferred: Set<string>
  /** An op with effects or random draws: two of them are never the same. */
  stateful: boolean
}

// Field numbers: tensorflow/core/framework/op_def.proto
const INPUT_ARG = 2
const IS_STATEFUL = 17
const NAME = 1
const NUMBER_ATTR = 5
const TYPE_LIST_ATTR = 6

export function decodeOpDef(bytes: Uint8Array): OpDef {
  const def: OpDef = { inputs: [], inferred: new Set(), stateful: false }
  fields(bytes, (field, reader) => {
    if (field === IS_STATEFUL) def.stateful = reader.bool()
    else if (field === INPUT_ARG) {
      const input = { name: '', isList: false }
      fields(reader.bytes(), (inner, r) => {
        if (inner === NAME) input.name = r.string()
        else if (inner === NUMBER_ATTR || inner === TYPE_LIST_ATTR) {
          input.isList = true
          def.inferred.add(r.string())
        } else return false
        return true
      })
      def.inputs.push(input)
    } else return false
    return true
  })
  return def
}

/** Visits each field of a message; a visitor that returns false has read nothing and the field is skipped. */
function fields(bytes: Uint8Array, visit: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes)
  while (reader.pos < reader.len) {
    const [field, type]: [number, WireType] = reader.tag()
    if (!visit(field, reader)) reader.skip(type)
  }
}
