import { findBackbones, PickleObject, type PickleValue } from '@dino/weights'
import { readWeights } from '@dino/weights/node'
import type { InspectOptions } from '../commands/weights-inspect.js'
import type { TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import { fileOf, refuseWeights } from './backbone.js'

/** `dino weights inspect`: what is in a file, in the file's order. */
export async function runWeightsInspect({ file: given, json }: InspectOptions, io: TrainIO): Promise<number> {
  const file = fileOf(given)
  const { format, tensors, metadata, value } = await readWeights(file).catch(refuseWeights)
  const list = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    return { name, dtype, shape, bytes: data.byteLength }
  })
  const backbones = findBackbones(tensors).map(({ prefix, naming, tensors: own, unused }) => {
    return { prefix, naming, tensors: Object.keys(own).length, unused }
  })
  const settings = value === undefined ? metadata : settingsOf(value)
  if (json) {
    io.stdout.write(`${JSON.stringify({ file, format, backbones, settings, tensors: list })}\n`)
    return 0
  }
  const rows = list.map(({ name, dtype, shape, bytes }) => [name, dtype, `[${shape.join(', ')}]`, size(bytes)])
  io.stdout.write(`${table(['tensor', 'type', 'shape', 'size'], rows)}\n\n`)
  const bytes = list.reduce((sum, each) => sum + each.bytes, 0)
  io.stdout.write(`${file}: ${format}, ${list.length} tensors, ${size(bytes)}\n`)
  for (const [name, text] of Object.entries(settings)) io.stdout.write(`${name}: ${short(text)}\n`)
  for (const { prefix, naming, tensors: count, unused } of backbones) {
    const others = unused.length > 0 ? `; not part of it: ${unused.join(', ')}` : ''
    io.stdout.write(`Backbone ${prefix}*: ${count} tensors, ${naming} names${others}\n`)
  }
  if (backbones.length === 0) io.stdout.write('No backbone that is known here.\n')
  return 0
}

/** What a checkpoint holds beside tensors, at its top: epoch, args, … */
function settingsOf(value: PickleValue): Record<string, unknown> {
  if (!(value instanceof Map)) return {}
  const plain = [...value].filter(([, item]) => !(item instanceof Map) && !isTensor(item))
  return Object.fromEntries(plain.map(([key, item]) => [String(key), toJson(item)]))
}

function isTensor(value: PickleValue): boolean {
  return typeof value === 'object' && value !== null && 'dtype' in value
}

/** Depth and breadth are bounded: a pickle may hold itself. */
function toJson(value: PickleValue, depth = 0): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth > 3) return '…'
  const inner = (item: PickleValue) => toJson(item, depth + 1)
  if (value instanceof PickleObject) return value.state === null ? value.type : inner(value.state)
  if (value instanceof Map)
    return Object.fromEntries([...value].slice(0, 200).map(([key, item]) => [String(key), inner(item)]))
  if (Array.isArray(value) || value instanceof Set) return [...value].slice(0, 200).map(inner)
  return value instanceof Uint8Array ? `${value.length} bytes` : 'a tensor'
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > 400 ? `${text.slice(0, 400)} …` : text
}

function size(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
