import { fromCodes } from './char-codes.js'
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
  const mark = text[0]
  if (text.length < 2 || !(mark === "'" || mark === '"') || !text.endsWith(mark))
    throw fail(`expected a quoted string, got ${JSON.stringify(text.slice(0, 40))}.`)
  const simple: Record<string, string> = { n: '\n', r: '\r', t: '\t' }
  return unescaped(text.slice(1, -1), (inner, at) => {
    const kind = inner[at + 1]
    const code = kind === 'x' ? hex(inner, at + 2, 2) : undefined
    if (code !== undefined) return [code, 4]
    return kind === undefined ? undefined : [(simple[kind] ?? kind).charCodeAt(0), 2]
  })
}

/** Python's raw-unicode-escape. */
export function escaped(text: string): string {
  return unescaped(text, (all, at) => {
    const length = all[at + 1] === 'u' ? 4 : all[at + 1] === 'U' ? 8 : 0
    const point = length > 0 ? hex(all, at + 2, length) : undefined
    return point === undefined || point > 0x10ffff ? undefined : [point, 2 + length]
  })
}

/**
 * A text whose escapes are read: one by one, as an array may be written in millions of them.
 *
 * @param read what stands at a backslash, as a code point and how many characters it took; undefined if it is only a backslash
 */
function unescaped(
  text: string,
  read: (text: string, at: number) => [point: number, length: number] | undefined,
): string {
  if (!text.includes('\\')) return text
  const codes = new Uint16Array(text.length)
  let count = 0
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at)
    const [point, length] = (code === BACKSLASH && read(text, at)) || [code, 1]
    if (point > 0xffff) {
      codes[count++] = 0xd800 + ((point - 0x10000) >> 10)
      codes[count++] = 0xdc00 + (point & 0x3ff)
    } else codes[count++] = point
    at += length
  }
  return fromCodes(codes.subarray(0, count))
}

const BACKSLASH = 0x5c

/** The number in so many hexadecimal digits. */
function hex(text: string, at: number, digits: number): number | undefined {
  let value = 0
  for (let i = at; i < at + digits; i++) {
    const digit = Number.parseInt(text[i] ?? '', 16)
    if (Number.isNaN(digit)) return undefined
    value = value * 16 + digit
  }
  return value
}
