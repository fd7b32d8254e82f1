import { NumpyDtype } from './numpy.js'
import type { Global } from './pickle.js'
import type { Fail } from './pickle-globals.js'
import { isTensor, PickleObject, type PickleValue } from './pickle-value.js'

/**
 * What is left when a pickle ends, as data: a class or type that it merely names becomes that name. Whatever was not finished, such as the
 * bytes of a tensor without the tensor, is refused.
 */
export function plainData(root: unknown, fail: Fail): PickleValue {
  const seen = new Set<object>()
  const waiting: PickleValue[] = []
  const plain = (value: unknown): PickleValue => {
    if (typeof value !== 'object' || value === null) return value as PickleValue
    if (isGlobal(value)) return value.path
    if (value instanceof NumpyDtype) return value.name
    if (!isData(value)) throw fail('it holds a part of a tensor or an array, without the rest. The file is damaged.')
    if (!seen.has(value)) {
      seen.add(value)
      waiting.push(value)
    }
    return value
  }
  const result = plain(root)
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (Array.isArray(value)) for (const [i, item] of value.entries()) value[i] = plain(item)
    else if (value instanceof Map) for (const [key, item] of [...value]) value.set(plainKey(key), plain(item))
    else if (value instanceof Set) for (const item of value) plainKey(item)
    else if (value instanceof PickleObject) {
      value.args = value.args.map(plain)
      value.state = plain(value.state)
    }
  }
  return result

  function plainKey(key: PickleValue): PickleValue {
    if (plain(key) === key) return key
    throw fail('it uses a class as a key. That is no data of a checkpoint.')
  }
}

export function isGlobal(value: unknown): value is Global {
  return typeof (value as Global | null)?.call === 'function' && typeof (value as Global).path === 'string'
}

function isData(value: object): value is PickleValue & object {
  return (
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof Uint8Array ||
    value instanceof PickleObject ||
    isTensor(value)
  )
}
