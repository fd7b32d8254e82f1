import type { Budget } from './budget.js'
import { charCodes } from './char-codes.js'
import { NumpyDtype, numpyScalar, PendingArray } from './numpy.js'
import type { Global } from './pickle.js'
import type { PickleError } from './pickle-error.js'
import { PickleObject, type PickleValue } from './pickle-value.js'

export type Fail = (problem: string, cause?: unknown) => PickleError

/** Classes whose objects are kept as they are described: settings that travel with weights. */
const KEPT = /^(argparse\.Namespace|pathlib\.(Pure)?(Posix|Windows)?Path|pathlib\._local\.\w*Path|enum\.\w+)$/

/** What stands for the harmless classes and functions of Python and NumPy; all others are refused, or kept without being run. */
export function standardGlobals(fail: Fail, keepUnknown: boolean, budget: Budget): (path: string) => Global {
  const listOf = (items: PickleValue | undefined): PickleValue[] => {
    const list = Array.isArray(items) || items instanceof Set ? [...items] : []
    budget.take(list.length)
    return list
  }
  /** From a dict or a list of pairs. */
  const mapOf = (items: PickleValue | undefined): Map<PickleValue, PickleValue> => {
    if (!(items instanceof Map))
      return new Map(
        listOf(items)
          .filter(Array.isArray)
          .map(([key, value]) => [key!, value!]),
      )
    budget.take(items.size)
    return new Map(items)
  }
  const known: Record<string, (args: PickleValue[]) => unknown> = {
    'collections.OrderedDict': ([items]) => mapOf(items),
    'collections.defaultdict': () => new Map(),
    'collections.Counter': ([items]) => (items instanceof Map ? items : new Map()),
    'builtins.dict': ([items]) => mapOf(items),
    'builtins.list': ([items]) => listOf(items),
    'builtins.tuple': ([items]) => listOf(items),
    'builtins.set': ([items]) => new Set(listOf(items)),
    'builtins.frozenset': ([items]) => new Set(listOf(items)),
    'builtins.bytearray': ([bytes]) => (bytes instanceof Uint8Array ? bytes : new Uint8Array()),
    'builtins.complex': (parts) => parts,
    // How protocol 2 writes bytes: characters up to 255
    '_codecs.encode': ([text, encoding]) => {
      if (typeof text !== 'string' || encoding !== 'latin1') throw fail('expected bytes written as latin1.')
      budget.take(text.length)
      return charCodes(text)
    },
    'copyreg._reconstructor': (args) => (args as unknown[] as [Global])[0]!.call([]),
    'numpy.dtype': ([code]) => new NumpyDtype(String(code), fail),
    'numpy.core.multiarray.scalar': (args) => numpyScalar(args, fail, budget),
    'numpy.core.multiarray._reconstruct': () => new PendingArray(fail, budget),
    'numpy.ndarray': () => new PendingArray(fail, budget),
  }
  return (path) => {
    const modern = path
      .replace(/^__builtin__\./, 'builtins.')
      .replace(/^copy_reg\./, 'copyreg.')
      .replace(/^numpy\._core\./, 'numpy.core.')
    const call = Object.hasOwn(known, modern) ? known[modern] : undefined
    if (call) return { path, call }
    if (keepUnknown || KEPT.test(path)) return { path, call: (args) => kept(path, args) }
    throw fail(
      `it names the Python object ${path.slice(0, 200)}, which is no data. Nothing was run. ` +
        'If you trust the file, save its tensors alone in Python: torch.save(model.state_dict(), path).',
    )
  }
}

function kept(path: string, args: PickleValue[]): PickleObject {
  const object = new PickleObject(path)
  object.args = args
  return object
}
