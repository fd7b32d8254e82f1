import { EagerSession } from './eager.js'
import { findEngine, type OnProgress } from './engine/index.js'
import type { HostTensor } from './host-tensor.js'
import type { NodeTime } from './profile.js'
import { TensorFlowSession } from './tensorflow-session.js'
import type { TensorSpec } from './traceable.js'

export interface SessionOptions {
  /**
   * `auto` finds or fetches libtensorflow (see findEngine), `eager` runs TensorFlow.js op by op, a path is a folder that holds
   * libtensorflow. Default `auto`.
   */
  engine?: 'auto' | 'eager' | (string & {})
  /** The TensorFlow.js backend of the eager engine. Default: the first that loads of tensorflow (native), wasm, cpu. */
  eagerBackend?: string
  /** Threads that TensorFlow uses, 1 or more. The first session of a process decides. Default: all cores. */
  threads?: number
  /**
   * Where variables and ops live: `cpu`, `gpu`, `gpu:1`, or one of the session's `engine.devices`. Default: TensorFlow decides, which
   * takes the first GPU if there is one.
   */
  device?: string
  /** Told what is going on while an engine is fetched. */
  onProgress?: OnProgress
  /** Ends the fetching of an engine, which then leaves nothing behind. */
  signal?: AbortSignal
}

/** What runs compiled functions. */
export type EngineInfo =
  | { kind: 'tensorflow'; version: string; path: string; origin: string; devices: string[] }
  | { kind: 'eager'; version: string; backend: string; reason: string }

export interface SessionMemory {
  variables: number
  /** Bytes of the variables. */
  bytes: number
  /** Tensors that are alive outside the variables: 0 between calls, unless something leaks. */
  tensors: number
}

/** Named variables, and an engine that runs functions compiled for them. Calls run one after another, in the order they were made. */
export interface Session {
  readonly engine: EngineInfo
  /** Creates variables. A name that exists is refused. */
  create(values: Record<string, HostTensor>): Promise<void>
  /** Overwrites variables with values of the same dtype and shape. */
  assign(values: Record<string, HostTensor>): Promise<void>
  /** Copies of variables; of all of them by default. */
  read(names?: Iterable<string>): Promise<Record<string, HostTensor>>
  remove(names: Iterable<string>): Promise<void>
  /** Gives tf.Variables that compiled functions use the values that they have in the session, for tfjs code outside. */
  pull(): Promise<void>
  /** The other way: the session takes the values of these tf.Variables, say after loading weights into a model. */
  push(): Promise<void>
  /**
   * Tells a listener, after each call of a compiled function, when its nodes ran, until the function that comes back is called. Calls
   * take a little longer meanwhile. Refused on the eager engine.
   */
  profile(listener: (nodes: NodeTime[], compiled: string) => void): () => void
  has(name: string): boolean
  /** Shape and dtype of every variable, in the order of creation. */
  specs(): Record<string, TensorSpec>
  memory(): SessionMemory
  /** Waits for the calls under way, then frees everything. Later calls are refused. */
  close(): Promise<void>
}

/** Opens a session on the engine that is found, see SessionOptions. */
export async function openSession(options: SessionOptions = {}): Promise<Session> {
  const { threads, engine = 'auto' } = options
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new RangeError(`openSession: expected threads to be a whole number of 1 or more, got ${threads}.`)
  }
  if (engine === 'eager') {
    const ignored = (['threads', 'device'] as const).find((option) => options[option] !== undefined)
    if (ignored) {
      throw new TypeError(`openSession: ${ignored} is an option of TensorFlow, and engine is 'eager'. Leave it out.`)
    }
    return EagerSession.open(options)
  }
  if (options.eagerBackend) {
    throw new TypeError(`openSession: eagerBackend is an option of the eager engine, and engine is '${engine}'.`)
  }
  const device = options.device === undefined ? undefined : deviceName(options.device)
  const found = await findEngine({
    path: engine === 'auto' ? undefined : engine,
    gpu: !device?.includes(':CPU:'),
    onProgress: options.onProgress,
    signal: options.signal,
  })
  return TensorFlowSession.open(found, { ...options, device })
}

/** TensorFlow's name of a device: `gpu:1` is /device:GPU:1. */
function deviceName(text: string): string {
  const [, kind, index = '0'] = /^(?:\/device:)?([cg]pu)(?::(\d+))?$/i.exec(text) ?? []
  if (kind) return `/device:${kind.toUpperCase()}:${Number(index)}`
  if (text.startsWith('/device:')) return text
  throw new RangeError(`openSession: expected device to be cpu, gpu or gpu:N, got ${JSON.stringify(text)}.`)
}
