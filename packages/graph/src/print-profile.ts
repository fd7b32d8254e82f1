import { typeText } from './host-tensor.js'
import type { NodeTime } from './profile.js'

/** Nodes that have something in common, and how long they ran. */
export interface TimeGroup {
  name: string
  /** Times that one of them ran. */
  calls: number
  /** Milliseconds in their kernels, over all threads. */
  ms: number
  /** Of all kernels' time, 0 to 1. */
  share: number
}

/**
 * Adds up the times of nodes, longest first.
 *
 * @param by their op; or their scope, of which `depth` names are told apart (blocks are put together: `student/blocks/attn`)
 */
export function groupTimes(nodes: readonly NodeTime[], by: 'op' | 'scope', depth = 4): TimeGroup[] {
  const groups = new Map<string, TimeGroup>()
  let total = 0
  for (const node of nodes) {
    const name = by === 'op' ? node.op : shortScope(node.scope, depth)
    const group = groups.get(name) ?? { name, calls: 0, ms: 0, share: 0 }
    group.calls++
    group.ms += node.us / 1000
    total += node.us / 1000
    groups.set(name, group)
  }
  return [...groups.values()]
    .map((group) => ({ ...group, share: total > 0 ? group.ms / total : 0 }))
    .sort((a, b) => b.ms - a.ms || b.calls - a.calls)
}

function shortScope(scope: string, depth: number): string {
  return (
    scope
      .replace(/\.\d+(?=\/|$)/g, '')
      .split('/')
      .slice(0, depth)
      .join('/') || '(none)'
  )
}

/** Two tables: time by op and by scope. `calls` are those of nodes; divide by the calls of the function for one. */
export function printProfile(nodes: readonly NodeTime[], { rows = 15 }: { rows?: number } = {}): string {
  return [text('op', groupTimes(nodes, 'op'), rows), text('scope', groupTimes(nodes, 'scope'), rows)].join('\n\n')
}

function text(title: string, groups: readonly TimeGroup[], rows: number): string {
  const shown = groups.slice(0, rows)
  const rest = groups.slice(rows)
  if (rest.length > 0) {
    const sum = (key: 'calls' | 'ms' | 'share') => rest.reduce((all, group) => all + group[key], 0)
    shown.push({ name: `${rest.length} more`, calls: sum('calls'), ms: sum('ms'), share: sum('share') })
  }
  const cells = shown.map(({ name, calls, ms, share }) => [
    `${(100 * share).toFixed(1)} %`,
    ms.toFixed(1),
    String(calls),
    name,
  ])
  const lines = [['share', 'ms', 'calls', title], ...cells]
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]!.length)))
  return lines.map((line) => line.map((cell, i) => (i < 3 ? cell.padStart(widths[i]!) : cell)).join('  ')).join('\n')
}

/** A profile as trace events, for Perfetto (ui.perfetto.dev) or chrome://tracing: JSON.stringify it into a file. */
export function traceEvents(nodes: readonly NodeTime[]): { traceEvents: object[]; displayTimeUnit: 'ms' } {
  const start = nodes.reduce((first, { startUs }) => Math.min(first, startUs), Number.POSITIVE_INFINITY)
  const processes = new Map<string, number>()
  const threads = new Map<string, number>()
  const names: object[] = []
  const events = nodes.map((node) => {
    const { device, thread } = node
    let pid = processes.get(device)
    if (pid === undefined) {
      processes.set(device, (pid = processes.size + 1))
      names.push({ ph: 'M', name: 'process_name', pid, tid: 0, args: { name: device || 'TensorFlow' } })
    }
    const key = `${pid} ${thread}`
    let tid = threads.get(key)
    if (tid === undefined) {
      threads.set(key, (tid = threads.size + 1))
      names.push({ ph: 'M', name: 'thread_name', pid, tid, args: { name: `thread ${thread}` } })
    }
    return {
      ph: 'X',
      name: node.op,
      cat: node.scope || 'none',
      pid,
      tid,
      ts: node.startUs - start,
      dur: node.us,
      args: {
        node: node.name,
        kernel: node.kernel,
        ...(node.scope && { scope: node.scope }),
        ...(node.inputs && { inputs: node.inputs.map(typeText) }),
        ...(node.outputs && { outputs: node.outputs.map(typeText) }),
      },
    }
  })
  return { traceEvents: [...names, ...events], displayTimeUnit: 'ms' }
}
