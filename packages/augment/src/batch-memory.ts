import type { MultiCrop } from './multi-crop.js'

/** The views of a batch, in memory that every thread sees. */
export interface BatchMemory {
  /** Samples. */
  size: number
  /** [globalCrops, size, globalSize, globalSize, 3] */
  global: SharedArrayBuffer
  /** [localCrops, size, localSize, localSize, 3]; null without local crops. */
  local: SharedArrayBuffer | null
}

export function allocate({ views }: MultiCrop, size: number): BatchMemory {
  const bytes = (kind: 'global' | 'local') =>
    views.reduce((sum, view) => sum + (view.kind === kind ? size * view.size ** 2 * 3 : 0), 0)
  const local = bytes('local')
  return {
    size,
    global: new SharedArrayBuffer(bytes('global')),
    local: local > 0 ? new SharedArrayBuffer(local) : null,
  }
}

/** Where the views of one sample lie. */
export function viewsOfRow({ views }: MultiCrop, memory: BatchMemory, row: number): Uint8Array[] {
  const globals = views.filter(({ kind }) => kind === 'global').length
  return views.map(({ kind, size }, view) => {
    const bytes = size ** 2 * 3
    const [buffer, first] = kind === 'global' ? [memory.global, 0] : [memory.local!, globals]
    return new Uint8Array(buffer, ((view - first) * memory.size + row) * bytes, bytes)
  })
}
