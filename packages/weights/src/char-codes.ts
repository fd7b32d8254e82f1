const AT_ONCE = 8192 // arguments of one call

/** A text from its code units; of bytes, what Python calls latin1 (TextDecoder's is another). */
export function fromCodes(codes: Uint8Array | Uint16Array): string {
  let text = ''
  for (let at = 0; at < codes.length; at += AT_ONCE)
    text += String.fromCharCode.apply(null, codes.subarray(at, at + AT_ONCE) as unknown as number[])
  return text
}

/** Bytes from characters up to 255. */
export function charCodes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
