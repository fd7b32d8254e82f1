import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A part of a protocol buffer message, in pieces: weights stay where they lie until they are written. */
export type Pieces = Uint8Array[]

/** A message, a string's bytes or raw data, as the field of this number. */
export function nested(field: number, ...contents: (Uint8Array | Pieces)[]): Pieces {
  const pieces = contents.flat()
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return [new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish(), ...pieces]
}

export function text(field: number, value: string): Pieces {
  return nested(field, new TextEncoder().encode(value))
}

/** int32, int64 or an enum. */
export function whole(field: number, value: number): Pieces {
  return [new BinaryWriter().tag(field, WireType.Varint).int64(value).finish()]
}

export function float(field: number, value: number): Pieces {
  return [new BinaryWriter().tag(field, WireType.Bit32).float(Math.fround(value)).finish()]
}
