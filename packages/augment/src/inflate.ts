/**
 * Undoes DEFLATE (RFC 1951) for the one stream that the package carries: the browser's own way is asynchronous. Blocks without codes of
 * their own, which no packed program has, are left out.
 *
 * @param size bytes that come out
 */
export function inflate(source: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size)
  let bit = 0
  let at = 0
  const peek = (count: number): number => {
    const byte = bit >> 3
    const window = source[byte]! | (source[byte + 1]! << 8) | (source[byte + 2]! << 16) // beyond the end: 0
    return (window >> (bit & 7)) & ((1 << count) - 1)
  }
  const bits = (count: number): number => {
    const value = peek(count)
    bit += count
    return value
  }
  const symbol = ({ table, longest }: Code): number => {
    const entry = table[peek(longest)]!
    bit += entry & 15
    return entry >> 4
  }
  for (let last = 0; !last; ) {
    last = bits(1)
    const kind = bits(2)
    if (kind !== 2) throw new RangeError('inflate: expected a block with codes of its own.')
    const [lengths, distances] = readCodes(bits, symbol)
    for (let value = symbol(lengths); value !== 256; value = symbol(lengths)) {
      if (value < 256) {
        out[at++] = value
        continue
      }
      const long = value - 257
      const length = long < 8 ? long + 3 : long === 28 ? 258 : base(long, 2) + 3 + bits((long >> 2) - 1)
      const far = symbol(distances)
      const distance = far < 2 ? far + 1 : base(far, 1) + 1 + bits((far >> 1) - 1)
      for (let i = 0; i < length; i++, at++) out[at] = out[at - distance]!
    }
  }
  return out
}

/** Where the values of a length or distance code begin, less the least: 2^`steps` codes to each power of two. */
function base(code: number, steps: number): number {
  const size = 1 << steps
  return (size + (code & (size - 1))) << ((code >> steps) - 1)
}

/** For every `longest` bits that may come, the symbol that they begin with and its length: symbol · 16 + length. */
interface Code {
  table: Uint16Array
  longest: number
}

function codeOf(lengths: number[]): Code {
  const longest = Math.max(...lengths)
  const table = new Uint16Array(1 << longest)
  const next = [0] // code of each length
  for (let length = 1; length <= longest; length++) {
    const shorter = length === 1 ? 0 : lengths.filter((other) => other === length - 1).length
    next[length] = (next[length - 1]! + shorter) << 1
  }
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol]!
    if (length === 0) continue
    let reversed = 0 // codes come with their first bit first
    for (let i = 0, code = next[length]!++; i < length; i++) reversed |= ((code >> i) & 1) << (length - 1 - i)
    for (let i = reversed; i < table.length; i += 1 << length) table[i] = (symbol << 4) | length
  }
  return { table, longest }
}

const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

function readCodes(bits: (count: number) => number, symbol: (code: Code) => number): [Code, Code] {
  const [literals, distances, count] = [bits(5) + 257, bits(5) + 1, bits(4) + 4]
  const of = Array(19).fill(0) as number[]
  for (let i = 0; i < count; i++) of[ORDER[i]!] = bits(3)
  const code = codeOf(of)
  const lengths: number[] = []
  while (lengths.length < literals + distances) {
    const value = symbol(code)
    if (value < 16) lengths.push(value)
    else {
      const [length, times] =
        value === 16 ? [lengths.at(-1)!, 3 + bits(2)] : [0, value === 17 ? 3 + bits(3) : 11 + bits(7)]
      for (let i = 0; i < times; i++) lengths.push(length)
    }
  }
  return [codeOf(lengths.slice(0, literals)), codeOf(lengths.slice(literals))]
}
