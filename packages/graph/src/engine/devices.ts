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
export async function describeEngine({ libraries }: Pick<Engine, 'libraries'>): Promise<{
  version: string
  devices: Device[]
}> {
  // Imported here, so that looking for engines loads neither koffi nor TensorFlow.js.
  const { loadTensorFlow } = await import('../tensorflow.js')
  const tensorflow = await loadTensorFlow(libraries)
  const { c, status } = tensorflow
  const { default: koffi } = await import('koffi')
  const library = koffi.load(libraries.cc)
  const list = library.func('TF_SessionListDevices', 'void *', ['void *', 'void *'])
  const count = library.func('TF_DeviceListCount', 'int', ['void *'])
  const name = library.func('TF_DeviceListName', 'str', ['void *', 'int', 'void *'])
  const type = library.func('TF_DeviceListType', 'str', ['void *', 'int', 'void *'])
  const memory = library.func('TF_DeviceListMemoryBytes', 'int64_t', ['void *', 'int', 'void *'])
  const deleteList = library.func('TF_DeleteDeviceList', 'void', ['void *'])

  const graph = c.newGraph()
  const options = c.newSessionOptions()
  const session = c.newSession(graph, options, status)
  tensorflow.check('describeEngine')
  const found = list(session, status)
  tensorflow.check('describeEngine')
  const devices = Array.from({ length: count(found) }, (_, i) => ({
    name: String(name(found, i, status)).replace('/job:localhost/replica:0/task:0', ''),
    type: String(type(found, i, status)),
    memoryBytes: Number(memory(found, i, status)),
  }))
  deleteList(found)
  c.closeSession(session!, status)
  c.deleteSession(session!, status)
  c.deleteSessionOptions(options)
  c.deleteGraph(graph)
  return { version: c.version(), devices }
}
