import { closeSync, openSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { findBackendFactory } from '@tensorflow/tfjs-core'
import type { default as Koffi, LibraryHandle, TypeObject } from 'koffi'
import { type CApi, declareCApi, type Pointer } from './capi.js'
import type { EngineLibraries } from './engine/libraries.js'
import { type Dtype, type HostTensor, newArray, sizeOf, typeText } from './host-tensor.js'
import { decodeOpDef, type OpDef } from './op-def.js'
import { TYPE_NUMBER, typeName } from './tf-types.js'

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

type Memcpy = (to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number) => void

/** libtensorflow, loaded: its C functions, and what we need around them. */
export class TensorFlow {
  /** Filled by the C functions that take a status; see `check`. */
  readonly status: Pointer
  private readonly defs = new Map<string, OpDef>()
  private live = 0

  constructor(
    readonly dir: string,
    readonly c: CApi,
    private readonly memcpy: Memcpy,
    private readonly readBuffer: (pointer: Pointer) => { data: Pointer; length: number | bigint },
    /** Ends the process without running its exit handlers. */
    readonly exit: (code: number) => void,
  ) {
    this.status = c.newStatus()
  }

  /** Throws what the last call left in `status`. */
  check(what: string): void {
    const code = this.c.getCode(this.status)
    if (code !== 0) throw new TensorFlowError(`${what}: ${this.c.message(this.status)}`, code)
  }

  opDef(graph: Pointer, op: string): OpDef {
    let def = this.defs.get(op)
    if (!def) {
      const buffer = this.c.newBuffer()
      try {
        this.c.graphGetOpDef(graph, op, buffer, this.status)
        this.check(op)
        this.defs.set(op, (def = decodeOpDef(this.bytesOf(buffer))))
      } finally {
        this.c.deleteBuffer(buffer)
      }
    }
    return def
  }

  /** A copy of what is in a TF_Buffer. */
  bytesOf(buffer: Pointer): Uint8Array {
    const { data, length } = this.readBuffer(buffer)
    const bytes = new Uint8Array(Number(length))
    if (bytes.length > 0) this.memcpy(bytes, data, bytes.length)
    return bytes
  }

  /** Copies into a new TF_Tensor, to be deleted with `deleteTensor`. */
  toTensor({ dtype, shape, data }: HostTensor): Pointer {
    const bytes = sizeOf(shape) * newArray(dtype, 1).byteLength
    if (data.byteLength !== bytes) {
      throw new RangeError(`${typeText({ dtype, shape })} takes ${bytes} bytes, and its data has ${data.byteLength}.`)
    }
    const tensor = this.c.allocateTensor(TYPE_NUMBER[dtype], BigInt64Array.from(shape, BigInt), shape.length, bytes)
    this.live++
    if (bytes > 0) this.memcpy(this.c.tensorData(tensor), data, bytes)
    return tensor
  }

  /** Copies out of a TF_Tensor, and deletes it. */
  takeTensor(tensor: Pointer): HostTensor {
    const { c } = this
    try {
      const type = typeName(c.tensorType(tensor))
      if (type === undefined || type === 'complex64' || type === 'string' || type === 'resource') {
        throw new TypeError(`a result of type ${type ?? c.tensorType(tensor)} cannot be copied to the host.`)
      }
      const dtype: Dtype = type
      const shape = Array.from({ length: c.numDims(tensor) }, (_, i) => Number(c.dim(tensor, i)))
      const data = newArray(dtype, sizeOf(shape))
      if (data.byteLength > 0) this.memcpy(data, c.tensorData(tensor), data.byteLength)
      return { dtype, shape, data }
    } finally {
      this.deleteTensor(tensor)
    }
  }

  /** Counts a TF_Tensor that a run gave us. */
  own(tensor: Pointer): Pointer {
    this.live++
    return tensor
  }

  deleteTensor(tensor: Pointer): void {
    this.c.deleteTensor(tensor)
    this.live--
  }

  /** TF_Tensors that we have and did not delete. */
  get liveTensors(): number {
    return this.live
  }
}

let loaded: TensorFlow | undefined

export function isTensorFlowLoaded(): boolean {
  return loaded !== undefined
}

/** Loads libtensorflow. One per process, in the main thread. */
export async function loadTensorFlow(libraries: EngineLibraries): Promise<TensorFlow> {
  if (!isMainThread) {
    throw new Error(
      '@dino/graph: libtensorflow runs in the main thread only, and this is a worker thread. ' +
        'Open the session in the main thread (its calls run off the event loop already), or in a process of its own.',
    )
  }
  const cc = realpathSync(libraries.cc)
  if (!loaded && findBackendFactory('tensorflow')) {
    throw new Error(
      '@dino/graph: the native addon of @tensorflow/tfjs-node is loaded, and a process can hold one libtensorflow only. ' +
        "Don't import @tensorflow/tfjs-node(-gpu) in this process, or open the session with engine 'eager'.",
    )
  }
  const quiet = process.env.TF_CPP_MIN_LOG_LEVEL === undefined
  if (quiet) process.env.TF_CPP_MIN_LOG_LEVEL = '2' // errors only; has to be set before the library starts
  const { default: koffi } = await import('koffi')
  if (loaded && loaded.dir !== cc) {
    throw new Error(
      `@dino/graph: one libtensorflow per process: ${loaded.dir} is loaded, so ${cc} can't be. Start another process.`,
    )
  }
  loaded ??= open(koffi, { ...libraries, framework: realpathSync(libraries.framework), cc, quiet })
  return loaded
}

function open(
  koffi: typeof Koffi,
  { framework, cc, preload = [], quiet }: EngineLibraries & { quiet: boolean },
): TensorFlow {
  // TF_SessionRun may run kernels in the calling thread: koffi's default of 128 KiB is too small a stack for them.
  const memory = { async_stack_size: 8 << 20, async_heap_size: 1 << 20 }
  if (koffi.config().async_stack_size! < memory.async_stack_size) koffi.config({ ...koffi.config(), ...memory })

  const libc = koffi.load(process.platform === 'darwin' ? 'libSystem.B.dylib' : 'libc.so.6')
  // TensorFlow asks for CUDA's libraries by name when it needs them, and finds those that are open. XLA looks for its own in a folder.
  for (const file of preload) dlopen(koffi, libc, file)
  if (preload.length > 0) process.env.XLA_FLAGS ??= `--xla_gpu_cuda_data_dir=${join(dirname(cc), 'cuda')}`
  if (quiet) silently(libc, () => dlopen(koffi, libc, framework))
  else dlopen(koffi, libc, framework)
  dlopen(koffi, libc, cc)
  const output = koffi.struct({ oper: 'void *', index: 'int' })
  const buffer: TypeObject = koffi.struct({ data: 'void *', length: 'size_t', deallocator: 'void *' })
  const memcpy = libc.func('memcpy', 'void *', ['void *', 'void *', 'size_t']) as unknown as Memcpy
  const exit = libc.func('_exit', 'void', ['int']) as unknown as (code: number) => void
  const readBuffer = (pointer: Pointer) => koffi.decode(pointer, buffer)
  const c = declareCApi(koffi.load(cc), output)
  setXlaFlags(c.version())
  return new TensorFlow(cc, c, memcpy, readBuffer, exit)
}

/**
 * Makes XLA compile in two thirds of the time, to code that is as fast. It reads its flags when it is first used, and ends the
 * process at one that it does not know: so only for the version that this was tried with.
 */
function setXlaFlags(version: string): void {
  if (version.startsWith('2.21.')) process.env.XLA_FLAGS ??= '--xla_cpu_use_fusion_emitters=false'
}

/** NODELETE: koffi unloads libraries at exit, and without it the process would die on the threads of TensorFlow. */
function dlopen(koffi: typeof Koffi, libc: LibraryHandle, file: string): void {
  const flags = process.platform === 'darwin' ? 0x2 | 0x8 | 0x80 : 0x2 | 0x100 | 0x1000 // NOW | GLOBAL | NODELETE
  const libdl = has(libc, 'dlopen') ? libc : koffi.load('libdl.so.2') // glibc before 2.34
  if (libdl.func('dlopen', 'void *', ['str', 'int'])(file, flags) === null) {
    throw new Error(
      `@dino/graph: cannot open ${file}: ${libdl.func('dlerror', 'str', [])()}. Is it a libtensorflow for this machine?`,
    )
  }
}

function has(library: LibraryHandle, name: string): boolean {
  try {
    library.func(name, 'void', [])
    return true
  } catch {
    return false
  }
}

/**
 * Runs f with standard error closed: TensorFlow reports that oneDNN is on at every start, before any setting could silence it.
 * Whoever sets TF_CPP_MIN_LOG_LEVEL, to find out why it doesn't load, sees everything.
 */
function silently(libc: LibraryHandle, f: () => void): void {
  const dup = libc.func('dup', 'int', ['int'])
  const dup2 = libc.func('dup2', 'int', ['int', 'int'])
  const nowhere = openSync('/dev/null', 'w')
  const stderr = dup(2)
  dup2(nowhere, 2)
  try {
    f()
  } finally {
    dup2(stderr, 2)
    closeSync(stderr)
    closeSync(nowhere)
  }
}
