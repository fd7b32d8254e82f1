const AT_ONCE = 8192 // arguments of one call

/** Characters up to 255 from bytes: what Python calls latin1. TextDecoder's latin1 is another. */
export function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += AT_ONCE)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + AT_ONCE) as unknown as number[])
  return text
}

/** And back. */
export function charCodes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
