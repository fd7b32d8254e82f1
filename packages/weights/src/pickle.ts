import { Budget } from './budget.js'
import { PickleError } from './pickle-error.js'
import { type Fail, standardGlobals } from './pickle-globals.js'
import { Stack } from './pickle-stack.js'
import { escaped, integer, number, quoted, textIndex, textInteger } from './pickle-text.js'
import type { PickleValue } from './pickle-value.js'
import { isGlobal, plainData } from './plain-data.js'
import { Reader } from './reader.js'

/** Something that a pickle names and calls: never Python's own, but what stands for it here. */
export interface Global {
  /** `collections.OrderedDict` */
  readonly path: string
  call(args: PickleValue[]): unknown
}

export interface UnpickleOptions {
  /** Where the bytes came from, for error messages. */
  file?: string
  /** What a name stands for, before the standard ones are asked. */
  global?(path: string): Global | undefined
  /** What an id that the pickle leaves to its reader stands for. Default: such a pickle is refused. */
  persistent?(id: PickleValue): unknown
  /** Keep objects of unknown classes as a `PickleObject`. Nothing is run in either case. Default false: they are refused. */
  keepUnknown?: boolean
}

/** Enough for 40,000 tensors; a pickle of more is made to exhaust its reader. */
const MOST_OPERATIONS = 1_000_000

/**
 * Reads a Python pickle (protocols 0 to 5) without running anything: the classes and functions that it names are looked up in a short
 * list of harmless ones, which have stand-ins here.
 *
 * @throws PickleError for whatever is not on that list, for damaged or endless pickles, naming the byte
 */
export function parsePickle(bytes: Uint8Array, options: UnpickleOptions = {}): PickleValue {
  const { value, end } = unpickle(bytes, 0, options)
  if (end === bytes.length) return value
  throw failure(options.file)(`expected the pickle to end at byte ${bytes.length}, it ends at ${end}.`)
}

/** The pickle that begins at `start`, and where it ends. */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  { file, global, persistent, keepUnknown = false }: UnpickleOptions,
): { value: PickleValue; end: number } {
  const fail = failure(file)
  const reader = new Reader(bytes, start, fail)
  const stack = new Stack(fail)
  const standard = standardGlobals(fail, keepUnknown, new Budget(bytes.length, fail))
  const memo = new Map<number, unknown>()
  const find = (module: string, name: string): Global => {
    const path = `${module}.${name}`
    return global?.(path) ?? standard(path)
  }
  const remember = (key: number) => memo.set(key, stack.top())
  const recall = (key: number) => {
    if (!memo.has(key)) throw fail(`byte ${reader.at}: expected a value remembered as ${key}, there is none.`)
    stack.push(memo.get(key))
  }
  const call = (callee: unknown, args: unknown) => {
    if (!isGlobal(callee) || !Array.isArray(args))
      throw fail(`byte ${reader.at}: expected something to call and its arguments.`)
    stack.push(callee.call(args))
  }
  const byId = (id: PickleValue) => {
    if (!persistent) throw fail(`byte ${reader.at}: it refers to something outside. Is it a part of another file?`)
    stack.push(persistent(id))
  }

  for (let operations = 0; ; operations++) {
    if (operations === MOST_OPERATIONS)
      throw fail(`expected at most ${MOST_OPERATIONS} operations. The file is made to exhaust its reader.`)
    const code = reader.u8()
    switch (code) {
      case 0x80: {
        // PROTO
        const protocol = reader.u8()
        if (protocol > 5) throw fail(`expected a pickle of protocol 0 to 5, got ${protocol}.`)
        break
      }
      case 0x95:
        reader.u64()
        break // FRAME: only a hint how much to read at once
      case 0x2e:
        return { value: plainData(stack.last(), fail), end: reader.at } // STOP

      case 0x4e:
        stack.push(null)
        break // NONE
      case 0x88:
        stack.push(true)
        break
      case 0x89:
        stack.push(false)
        break
      case 0x4a:
        stack.push(reader.i32())
        break // BININT
      case 0x4b:
        stack.push(reader.u8())
        break
      case 0x4d:
        stack.push(reader.u16())
        break
      case 0x8a:
        stack.push(integer(reader, reader.u8(), fail))
        break // LONG1
      case 0x8b:
        stack.push(integer(reader, reader.i32(), fail))
        break // LONG4
      case 0x47:
        stack.push(reader.f64())
        break // BINFLOAT, the one number that is big-endian
      case 0x46:
        stack.push(number(reader.line(), fail))
        break // FLOAT
      case 0x49:
        stack.push(textInteger(reader.line(), fail))
        break // INT
      case 0x4c:
        stack.push(textInteger(reader.line().replace(/L$/, ''), fail))
        break // LONG

      case 0x58:
        stack.push(reader.utf8(reader.u32()))
        break // BINUNICODE
      case 0x8c:
        stack.push(reader.utf8(reader.u8()))
        break
      case 0x8d:
        stack.push(reader.utf8(reader.u64()))
        break
      case 0x54:
        stack.push(reader.latin1(reader.u32()))
        break // BINSTRING: a str of Python 2
      case 0x55:
        stack.push(reader.latin1(reader.u8()))
        break
      case 0x42:
        stack.push(reader.bytes(reader.u32()))
        break // BINBYTES
      case 0x43:
        stack.push(reader.bytes(reader.u8()))
        break
      case 0x8e:
      case 0x96:
        stack.push(reader.bytes(reader.u64()))
        break // BINBYTES8, BYTEARRAY8
      case 0x53:
        stack.push(quoted(reader.line(), fail))
        break // STRING
      case 0x56:
        stack.push(escaped(reader.line()))
        break // UNICODE

      case 0x28:
        stack.mark()
        break
      case 0x30:
        stack.pop()
        break
      case 0x31:
        stack.popMark()
        break
      case 0x32:
        stack.push(stack.top())
        break // DUP
      case 0x29:
      case 0x5d:
        stack.push([])
        break // EMPTY_TUPLE, EMPTY_LIST
      case 0x85:
        stack.push(stack.popMany(1))
        break
      case 0x86:
        stack.push(stack.popMany(2))
        break
      case 0x87:
        stack.push(stack.popMany(3))
        break
      case 0x74:
      case 0x6c:
        stack.push(stack.popMark())
        break // TUPLE, LIST
      case 0x61:
        stack.append([stack.pop()])
        break
      case 0x65:
        stack.append(stack.popMark())
        break
      case 0x7d:
        stack.push(new Map())
        break
      case 0x64: {
        // DICT
        const items = stack.popMark()
        stack.push(new Map())
        stack.setItems(items)
        break
      }
      case 0x73:
        stack.setItems(stack.popMany(2))
        break
      case 0x75:
        stack.setItems(stack.popMark())
        break
      case 0x8f:
        stack.push(new Set())
        break
      case 0x90:
        stack.addItems(stack.popMark())
        break
      case 0x91:
        stack.push(new Set(stack.popMark() as PickleValue[]))
        break // FROZENSET

      case 0x70:
        remember(textIndex(reader.line(), fail))
        break // PUT
      case 0x71:
        remember(reader.u8())
        break
      case 0x72:
        remember(reader.u32())
        break
      case 0x94:
        remember(memo.size)
        break // MEMOIZE
      case 0x67:
        recall(textIndex(reader.line(), fail))
        break // GET
      case 0x68:
        recall(reader.u8())
        break
      case 0x6a:
        recall(reader.u32())
        break

      case 0x63:
        stack.push(find(reader.line(), reader.line()))
        break // GLOBAL
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = stack.popMany(2)
        stack.push(find(String(module), String(name)))
        break
      }
      case 0x52:
      case 0x81: {
        // REDUCE, NEWOBJ
        const [callee, args] = stack.popMany(2)
        call(callee, args)
        break
      }
      case 0x92: {
        // NEWOBJ_EX: with named arguments, which nothing here takes
        const [callee, args] = stack.popMany(3)
        call(callee, args)
        break
      }
      case 0x62:
        stack.build()
        break
      case 0x50:
        byId(reader.line())
        break // PERSID
      case 0x51:
        byId(stack.pop() as PickleValue)
        break // BINPERSID

      default: {
        const hex = code.toString(16).padStart(2, '0')
        throw fail(
          `byte ${reader.at - 1}: there is no operation 0x${hex} in a pickle of data. Is it a pickle, and whole?`,
        )
      }
    }
  }
}

export function failure(file?: string): Fail {
  return (problem, cause) =>
    new PickleError(`pickle:${file === undefined ? '' : ` ${file}:`} ${problem}`, {
      ...(file === undefined ? {} : { file }),
      cause,
    })
}
