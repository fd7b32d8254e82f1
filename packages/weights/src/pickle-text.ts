import type { Fail } from './pickle-globals.js'
import type { Reader } from './reader.js'

/** Bytes of a whole number. */
const LONGEST_INTEGER = 64

/** Two's complement, little-endian. */
export function integer(reader: Reader, length: number, fail: Fail): number | bigint {
  if (length < 0 || length > LONGEST_INTEGER)
    throw fail(`byte ${reader.at}: expected a whole number of at most ${LONGEST_INTEGER} bytes, got ${length}.`)
  let value = 0n
  const bytes = reader.bytes(length)
  for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!)
  return small(BigInt.asIntN(8 * length, value))
}

function small(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

export function textInteger(text: string, fail: Fail): boolean | number | bigint {
  if (text === '00' || text === '01') return text === '01' // how protocol 0 writes False and True
  if (!/^[+-]?\d{1,154}$/.test(text)) throw fail(`expected a whole number, got ${JSON.stringify(text.slice(0, 40))}.`)
  return small(BigInt(text))
}

export function textIndex(text: string, fail: Fail): number {
  const index = textInteger(text, fail)
  if (typeof index !== 'number' || index < 0) throw fail(`expected a number from 0, got ${JSON.stringify(text)}.`)
  return index
}

export function number(text: string, fail: Fail): number {
  const special: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity }
  const value = special[text] ?? (text.trim() === '' ? Number.NaN : Number(text))
  if (Number.isNaN(value) && text !== 'nan') throw fail(`expected a number, got ${JSON.stringify(text.slice(0, 40))}.`)
  return value
}

export function quoted(text: string, fail: Fail): string {
  const inner = /^(['"])(.*)\1$/.exec(text)?.[2]
  if (inner === undefined) throw fail(`expected a quoted string, got ${JSON.stringify(text.slice(0, 40))}.`)
  const simple: Record<string, string> = { n: '\n', r: '\r', t: '\t' }
  return inner.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, one: string) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (simple[one] ?? one),
  )
}

/** Python's raw-unicode-escape. */
export function escaped(text: string): string {
  return text.replace(/\\u([0-9a-f]{4})|\\U([0-9a-f]{8})/gi, (all, four?: string, eight?: string) => {
    const point = Number.parseInt((four ?? eight)!, 16)
    return point <= 0x10ffff ? String.fromCodePoint(point) : all
  })
}
