import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A part of a protocol buffer message, in pieces: weights stay where they lie until they are written. */
export type Pieces = Uint8Array[]

/** A message, a string's bytes or raw data, as the field of this number. What is small becomes one piece. */
export function nested(field: number, ...contents: (Uint8Array | Pieces)[]): Pieces {
  const pieces = contents.flat()
  const length = lengthOf(pieces)
  const all = [new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish(), ...pieces]
  return length < 4096 ? [Buffer.concat(all)] : all
}

export function lengthOf(pieces: Pieces): number {
  return pieces.reduce((sum, { length }) => sum + length, 0)
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
