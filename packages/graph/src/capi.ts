import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import type { LibraryHandle, TypeObject } from 'koffi'
import { type Dtype, type HostTensor, newArray, sizeOf, typeText } from './host-tensor.js'
import { decodeOpDef, type OpDef } from './op-def.js'

/** A C pointer; koffi shows them as BigInt. */
export type Pointer = bigint

/** TF_Output: one output of an operation. */
export interface Output {
  oper: Pointer
  index: number
}

// tensorflow/core/framework/types.proto
export const TYPE_NUMBER = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  float16: 19,
  resource: 20,
} as const
export type TypeName = keyof typeof TYPE_NUMBER
const TYPE_NAME = new Map(Object.entries(TYPE_NUMBER).map(([name, number]) => [number as number, name as TypeName]))

/** The name of TensorFlow's number for a dtype, undefined for those that no part of this package handles. */
export function typeName(number: number): TypeName | undefined {
  return TYPE_NAME.get(number)
}

/** An error that TensorFlow reported, with its status code (tensorflow/c/tsl_status.h). */
export class TensorFlowError extends Error {
  override name = 'TensorFlowError'
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message)
  }
}

export type CApi = ReturnType<typeof declare> & {
  dir: string
  /** Throws what the last call left in `status`. */
  check(what: string): void
  status: Pointer
  memcpy: (to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number) => unknown
  opDef(graph: Pointer, type: string): OpDef
  /** Copies into a new TF_Tensor, to be deleted with `deleteTensor`. */
  toTensor(value: HostTensor): Pointer
  /** Copies out of a TF_Tensor, and deletes it. */
  takeTensor(tensor: Pointer): HostTensor
  deleteTensor(tensor: Pointer): void
  /** Number of TF_Tensors that we made or were given and have not deleted. */
  liveTensors(): number
  adopt(tensor: Pointer): Pointer
}

let loaded: CApi | undefined

/**
 * libtensorflow's C API, from a folder that holds libtensorflow_cc and libtensorflow_framework. One library per process, in the
 * main thread.
 */
export async function loadTensorFlow(dir: string): Promise<CApi> {
  if (!isMainThread) {
    throw new Error(
      '@dino/graph: libtensorflow runs in the main thread only, and this is a worker thread. ' +
        'Open the session in the main thread (runs are off its event loop already), or fork a process.',
    )
  }
  const real = existsSync(dir) ? realpathSync(dir) : dir
  if (loaded) {
    if (loaded.dir === real) return loaded
    throw new Error(
      `@dino/graph: one libtensorflow per process: ${loaded.dir} is loaded, so ${real} can't be. Start another process.`,
    )
  }
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2' // errors only; has to be set before the library starts
  const { default: koffi } = await import('koffi')
  if (loaded) return loadTensorFlow(dir)
  // TF_SessionRun may run kernels in the calling thread: koffi's default of 128 KiB is too small a stack for them.
  const stack = { async_stack_size: 8 << 20, async_heap_size: 1 << 20 }
  if (koffi.config().async_stack_size! < stack.async_stack_size) koffi.config({ ...koffi.config(), ...stack })
  const mac = process.platform === 'darwin'
  const files = mac
    ? ['libtensorflow_framework.2.dylib', 'libtensorflow_cc.2.dylib']
    : ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2']
  const libc = koffi.load(mac ? 'libSystem.B.dylib' : 'libc.so.6')
  const libdl = mac ? libc : dlopenLibrary(koffi)
  const dlopen = libdl.func('dlopen', 'void *', ['str', 'int'])
  const dlerror = libdl.func('dlerror', 'str', [])
  // NODELETE: koffi unloads libraries at exit, and the process would die on TensorFlow's threads. NOW | GLOBAL | NODELETE.
  const flags = mac ? 0x2 | 0x8 | 0x80 : 0x2 | 0x100 | 0x1000
  for (const file of files) {
    if (dlopen(join(real, file), flags) === null) {
      throw new Error(
        `@dino/graph: cannot open ${join(real, file)}: ${dlerror()}. Is it a libtensorflow for this machine?`,
      )
    }
  }
  const output = koffi.struct({ oper: 'void *', index: 'int' })
  const buffer = koffi.struct({ data: 'void *', length: 'size_t', deallocator: 'void *' })
  const library = koffi.load(join(real, files[1]!))
  const api = declare(library, output)
  loaded = { ...api, ...conveniences(api, libc.func('memcpy', 'void *', ['void *', 'void *', 'size_t'])), dir: real }
  return loaded

  function conveniences(tf: ReturnType<typeof declare>, memcpy: CApi['memcpy']): Omit<CApi, keyof typeof tf | 'dir'> {
    const status = tf.newStatus()
    const defs = new Map<string, OpDef>()
    let live = 0
    const check = (what: string) => {
      const code = tf.getCode(status)
      if (code !== 0) throw new TensorFlowError(`${what}: ${tf.message(status)}`, code)
    }
    const deleteTensor = (tensor: Pointer) => {
      tf.freeTensor(tensor)
      live--
    }
    return {
      status,
      check,
      memcpy,
      deleteTensor,
      liveTensors: () => live,
      adopt(tensor) {
        live++
        return tensor
      },
      opDef(graph, type) {
        let def = defs.get(type)
        if (!def) {
          const pointer = tf.newBuffer()
          try {
            tf.graphGetOpDef(graph, type, pointer, status)
            check(type)
            const { data, length } = koffi.decode(pointer, buffer) as { data: Pointer; length: number | bigint }
            const bytes = new Uint8Array(Number(length))
            memcpy(bytes, data, bytes.length)
            defs.set(type, (def = decodeOpDef(bytes)))
          } finally {
            tf.deleteBuffer(pointer)
          }
        }
        return def
      },
      toTensor({ dtype, shape, data }) {
        const bytes = data.byteLength
        const expected = sizeOf(shape) * newArray(dtype, 1).byteLength
        if (bytes !== expected) {
          throw new RangeError(`${typeText({ dtype, shape })} takes ${expected} bytes, and its data has ${bytes}.`)
        }
        const tensor = tf.allocateTensor(TYPE_NUMBER[dtype], BigInt64Array.from(shape, BigInt), shape.length, bytes)
        live++
        if (bytes > 0) memcpy(tf.tensorData(tensor), data, bytes)
        return tensor
      },
      takeTensor(tensor) {
        try {
          const type = typeName(tf.tensorType(tensor))
          if (type === undefined || type === 'complex64' || type === 'string' || type === 'resource') {
            throw new Error(
              `@dino/graph: a tensor of type ${type ?? tf.tensorType(tensor)} cannot be copied to the host.`,
            )
          }
          const shape = Array.from({ length: tf.numDims(tensor) }, (_, i) => Number(tf.dim(tensor, i)))
          const data = newArray(type, sizeOf(shape))
          if (data.byteLength > 0) memcpy(data, tf.tensorData(tensor), data.byteLength)
          return { dtype: type as Dtype, shape, data }
        } finally {
          deleteTensor(tensor)
        }
      },
    }
  }
}

/** glibc had dlopen in a library of its own before 2.34. */
function dlopenLibrary(koffi: typeof import('koffi').default) {
  try {
    const libc = koffi.load('libc.so.6')
    libc.func('dlopen', 'void *', ['str', 'int'])
    return libc
  } catch {
    return koffi.load('libdl.so.2')
  }
}

type TypeSpec = string | TypeObject
/** A C function; `async` runs it on a thread of libuv's pool. */
export type CFunction<A extends unknown[], R> = ((...args: A) => R) & {
  async(...args: [...A, (error: Error | null, result: R) => void]): void
}

function declare(library: LibraryHandle, output: TypeSpec) {
  const c = <A extends unknown[], R>(name: string, result: TypeSpec, args: TypeSpec[]) =>
    library.func(name, result, args) as unknown as CFunction<A, R>
  const p = 'void *'
  type P = Pointer
  type Ints = BigInt64Array
  return {
    version: c<[], string>('TF_Version', 'str', []),
    newStatus: c<[], P>('TF_NewStatus', p, []),
    deleteStatus: c<[P], void>('TF_DeleteStatus', 'void', [p]),
    getCode: c<[P], number>('TF_GetCode', 'int', [p]),
    message: c<[P], string>('TF_Message', 'str', [p]),
    newBuffer: c<[], P>('TF_NewBuffer', p, []),
    deleteBuffer: c<[P], void>('TF_DeleteBuffer', 'void', [p]),

    allocateTensor: c<[number, Ints, number, number], P>('TF_AllocateTensor', p, ['int', p, 'int', 'size_t']),
    freeTensor: c<[P], void>('TF_DeleteTensor', 'void', [p]),
    tensorData: c<[P], P>('TF_TensorData', p, [p]),
    tensorType: c<[P], number>('TF_TensorType', 'int', [p]),
    numDims: c<[P], number>('TF_NumDims', 'int', [p]),
    dim: c<[P, number], number | bigint>('TF_Dim', 'int64_t', [p, 'int']),

    newGraph: c<[], P>('TF_NewGraph', p, []),
    deleteGraph: c<[P], void>('TF_DeleteGraph', 'void', [p]),
    graphGetOpDef: c<[P, string, P, P], void>('TF_GraphGetOpDef', 'void', [p, 'str', p, p]),
    numShapeDims: c<[P, Output, P], number>('TF_GraphGetTensorNumDims', 'int', [p, output, p]),
    shape: c<[P, Output, Ints, number, P], void>('TF_GraphGetTensorShape', 'void', [p, output, p, 'int', p]),
    newOperation: c<[P, string, string], P>('TF_NewOperation', p, [p, 'str', 'str']),
    finishOperation: c<[P, P], P | null>('TF_FinishOperation', p, [p, p]),
    numOutputs: c<[P], number>('TF_OperationNumOutputs', 'int', [p]),
    outputType: c<[Output], number>('TF_OperationOutputType', 'int', [output]),
    setDevice: c<[P, string], void>('TF_SetDevice', 'void', [p, 'str']),
    addInput: c<[P, Output], void>('TF_AddInput', 'void', [p, output]),
    addInputList: c<[P, BigInt64Array, number], void>('TF_AddInputList', 'void', [p, p, 'int']),
    addControlInput: c<[P, P], void>('TF_AddControlInput', 'void', [p, p]),
    setAttrType: c<[P, string, number], void>('TF_SetAttrType', 'void', [p, 'str', 'int']),
    setAttrBool: c<[P, string, number], void>('TF_SetAttrBool', 'void', [p, 'str', 'uint8_t']),
    setAttrInt: c<[P, string, number], void>('TF_SetAttrInt', 'void', [p, 'str', 'int64_t']),
    setAttrInts: c<[P, string, Ints, number], void>('TF_SetAttrIntList', 'void', [p, 'str', p, 'int']),
    setAttrFloat: c<[P, string, number], void>('TF_SetAttrFloat', 'void', [p, 'str', 'float']),
    setAttrString: c<[P, string, string, number], void>('TF_SetAttrString', 'void', [p, 'str', 'str', 'size_t']),
    setAttrShape: c<[P, string, Ints, number], void>('TF_SetAttrShape', 'void', [p, 'str', p, 'int']),
    setAttrTensor: c<[P, string, P, P], void>('TF_SetAttrTensor', 'void', [p, 'str', p, p]),

    newSessionOptions: c<[], P>('TF_NewSessionOptions', p, []),
    deleteSessionOptions: c<[P], void>('TF_DeleteSessionOptions', 'void', [p]),
    setConfig: c<[P, Uint8Array, number, P], void>('TF_SetConfig', 'void', [p, p, 'size_t', p]),
    newSession: c<[P, P, P], P | null>('TF_NewSession', p, [p, p, p]),
    closeSession: c<[P, P], void>('TF_CloseSession', 'void', [p, p]),
    deleteSession: c<[P, P], void>('TF_DeleteSession', 'void', [p, p]),
    sessionRun: c<
      // session, options, feeds, tensors, n, fetches, results, n, targets, n, metadata, status
      [P, null, Ints, BigInt64Array, number, Ints, BigInt64Array, number, BigInt64Array, number, null, P],
      void
    >('TF_SessionRun', 'void', [p, p, p, p, 'int', p, p, 'int', p, 'int', p, p]),
  }
}

/** TF_Output[] as C lays it out: a pointer and an int, padded to 16 bytes. */
export function packOutputs(outputs: readonly Output[]): BigInt64Array<ArrayBuffer> {
  const packed = new BigInt64Array(2 * outputs.length)
  outputs.forEach(({ oper, index }, i) => {
    packed[2 * i] = oper
    packed[2 * i + 1] = BigInt(index) // little-endian: the int is the low half, the padding is 0
  })
  return packed
}
