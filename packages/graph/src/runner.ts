import { type Output, type Pointer, packOutputs } from './capi.js'
import { type ConfigOptions, configProto } from './config-proto.js'
import { FULL_TRACE, type NodeTime, readRunMetadata } from './profile.js'
import { type TensorFlow, TensorFlowError } from './tensorflow.js'
import { TfGraph } from './tf-graph.js'

export interface Run {
  feeds?: readonly (readonly [Output, Pointer])[]
  fetches?: readonly Output[]
  targets?: readonly Pointer[]
  /** Told when each node ran, which slows the call down a little. */
  onProfile?: (nodes: NodeTime[]) => void
}

/** A TF_Session and its graph, which grows as functions are compiled. */
export class Runner {
  private constructor(
    readonly lib: TensorFlow,
    readonly graph: TfGraph,
    private readonly session: Pointer,
  ) {}

  static open(lib: TensorFlow, config: ConfigOptions): Runner {
    const { c } = lib
    const graph = new TfGraph(lib)
    const options = c.newSessionOptions()
    try {
      const bytes = configProto(config)
      c.setConfig(options, bytes, bytes.length, lib.status)
      lib.check('openSession')
      const session = c.newSession(graph.pointer, options, lib.status)
      lib.check('openSession')
      return new Runner(lib, graph, session!)
    } catch (error) {
      graph.delete()
      throw error
    } finally {
      c.deleteSessionOptions(options)
    }
  }

  /** TF_SessionRun on another thread. The tensors that it gives are the caller's, and so are the ones it is fed. */
  async run({ feeds = [], fetches = [], targets = [], onProfile }: Run): Promise<Pointer[]> {
    const { c } = this.lib
    const inputs = packOutputs(feeds.map(([output]) => output))
    const fed = BigInt64Array.from(feeds, ([, tensor]) => tensor)
    const outputs = packOutputs(fetches)
    const results = new BigInt64Array(fetches.length)
    const operations = BigInt64Array.from(targets)
    const status = c.newStatus()
    const options = onProfile ? c.newBufferFromString(FULL_TRACE, FULL_TRACE.length) : null
    const metadata = onProfile ? c.newBuffer() : null
    const end = underWay(this.lib)
    try {
      await new Promise<void>((resolve, reject) => {
        const done = (error: Error | null) => (error ? reject(error) : resolve())
        // biome-ignore format: as the C function lists them
        c.sessionRun.async(
          this.session, options, inputs, fed, feeds.length, outputs, results, fetches.length, operations, targets.length,
          metadata, status, done,
        )
      })
      const code = c.getCode(status)
      if (code !== 0) throw new TensorFlowError(c.message(status), code)
      const tensors = Array.from(results, (tensor) => this.lib.own(tensor))
      if (metadata) onProfile!(readRunMetadata(this.lib.bytesOf(metadata)))
      return tensors
    } finally {
      end()
      for (const buffer of [options, metadata]) if (buffer) c.deleteBuffer(buffer)
      c.deleteStatus(status)
    }
  }

  /** The devices that the session can use: /device:CPU:0 and, with CUDA, /device:GPU:0 and so on. */
  devices(): string[] {
    const { c, status } = this.lib
    const list = c.listDevices(this.session, status)
    this.lib.check('openSession')
    try {
      const names = Array.from({ length: c.deviceCount(list!) }, (_, i) => c.deviceName(list!, i, status))
      return names.map((name) => name.slice(name.indexOf('/device:'))) // the rest is /job:localhost/replica:0/task:0
    } finally {
      c.deleteDeviceList(list!)
    }
  }

  /** Frees the session and its graph; nothing may be running. */
  close(): void {
    this.lib.c.closeSession(this.session, this.lib.status)
    this.lib.c.deleteSession(this.session, this.lib.status)
    this.graph.delete()
  }
}

/** What process.exit ends in; undocumented, and kept by Node for those who replace it. */
const exits = process as unknown as { reallyExit: (code: number) => void }
const { reallyExit } = exits
let running = 0

/**
 * While a call is under way, makes process.exit leave at once. TensorFlow cannot cancel a step, and Node would wait for its thread.
 * The function that it returns says that the call is over.
 */
function underWay(lib: TensorFlow): () => void {
  if (running++ === 0) exits.reallyExit = lib.exit
  return () => {
    if (--running === 0) exits.reallyExit = reallyExit
  }
}
