import { loadTensorFlow } from '../capi.js'
import type { Engine } from './libraries.js'

/** Something that TensorFlow computes on. */
export interface Device {
  /** '/device:CPU:0'. */
  name: string
  /** 'CPU', 'GPU', … */
  type: string
  /** Memory that TensorFlow may take; of a CPU it says nothing useful. */
  memoryBytes: number
}

/**
 * Loads an engine into this process and asks for its version and devices. An engine that does not fit the machine may end
 * the process: ask in a child process where that must not happen.
 */
export async function describeEngine(engine: Pick<Engine, 'dir' | 'libraries'>): Promise<{
  version: string
  devices: Device[]
}> {
  const c = await loadTensorFlow(engine.dir)
  const { default: koffi } = await import('koffi')
  const library = koffi.load(engine.libraries.cc)
  const list = library.func('TF_SessionListDevices', 'void *', ['void *', 'void *'])
  const count = library.func('TF_DeviceListCount', 'int', ['void *'])
  const name = library.func('TF_DeviceListName', 'str', ['void *', 'int', 'void *'])
  const type = library.func('TF_DeviceListType', 'str', ['void *', 'int', 'void *'])
  const memory = library.func('TF_DeviceListMemoryBytes', 'int64_t', ['void *', 'int', 'void *'])
  const deleteList = library.func('TF_DeleteDeviceList', 'void', ['void *'])

  const graph = c.newGraph()
  const options = c.newSessionOptions()
  const session = c.newSession(graph, options, c.status)
  c.check('describeEngine')
  const found = list(session, c.status)
  c.check('describeEngine')
  const devices = Array.from({ length: count(found) }, (_, i) => ({
    name: String(name(found, i, c.status)).replace('/job:localhost/replica:0/task:0', ''),
    type: String(type(found, i, c.status)),
    memoryBytes: Number(memory(found, i, c.status)),
  }))
  deleteList(found)
  c.closeSession(session!, c.status)
  c.deleteSession(session!, c.status)
  c.deleteSessionOptions(options)
  c.deleteGraph(graph)
  return { version: c.version(), devices }
}
