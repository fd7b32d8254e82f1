import type { HostTensor } from './dtype.js'
import type { Fail } from './pickle-globals.js'
import { isTensor, PickleObject, type PickleValue } from './pickle-value.js'

/** Values looked at: what holds more holds the same ones again and again. */
const MOST_VALUES = 1_000_000

/** All tensors in a value, by the path to them: keys of dicts and places in lists, joined by dots. */
export function flattenTensors(value: PickleValue, fail: Fail): Record<string, HostTensor> {
  const found: [string, HostTensor][] = []
  const inside = new Set<unknown>()
  let seen = 0
  const visit = (value: PickleValue | undefined, path: string): void => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
    if (++seen > MOST_VALUES)
      throw fail(`expected at most ${MOST_VALUES} values, got more. The file is made to exhaust its reader.`)
    if (isTensor(value)) {
      found.push([path, value])
      return
    }
    if (inside.has(value) || inside.size > 100)
      throw fail(`${path}: it ${inside.has(value) ? 'contains itself' : 'is nested too deep'}.`)
    inside.add(value)
    const child = (key: unknown, item: PickleValue) => visit(item, path === '' ? String(key) : `${path}.${String(key)}`)
    if (value instanceof PickleObject) visit(value.state, path)
    else if (value instanceof Map) for (const [key, item] of value) child(typeof key === 'object' ? '?' : key, item)
    else if (!(value instanceof Set)) for (const [i, item] of (value as PickleValue[]).entries()) child(i, item)
    inside.delete(value)
  }
  visit(value, '')
  const names = new Set<string>()
  for (const [name] of found) {
    if (names.has(name)) throw fail(`two tensors are called ${name}: which one is meant?`)
    names.add(name)
  }
  return Object.fromEntries(found)
}
