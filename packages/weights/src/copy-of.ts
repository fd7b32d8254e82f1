/** A copy in a buffer of its own. `slice` would not do: a Buffer's, in Node, is a view. */
export function copyOf(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(from, to))
}
