/**
 * The bytes of a text in which five characters, from # on, are four bytes: a quarter more than the bytes, where base64 takes a third. A
 * space stands for the backslash.
 */
export function base85(text: string): Uint8Array {
  const view = new DataView(new ArrayBuffer((text.length / 5) * 4))
  let word = 0
  for (let i = 0; i < text.length; ) {
    const code = text.charCodeAt(i)
    word = word * 85 + (code === 32 ? 92 : code) - 35
    if (++i % 5 > 0) continue
    view.setUint32((i / 5) * 4 - 4, word)
    word = 0
  }
  return new Uint8Array(view.buffer)
}
