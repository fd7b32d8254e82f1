import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { SearchBuildOptions } from '../commands/search.js'
import { type AnyBackbone, loadAnyBackbone } from '../inspect/backbone.js'
import { weightsDigest } from '../inspect/digest.js'
import { extractFeatures, openFeatures } from '../inspect/features.js'
import { counter } from '../report/counter.js'
import { Failure, type TrainIO } from '../report/io.js'
import { featureWidth } from '../train/backbone.js'
import { imagesOf, type TrainImages } from '../train/images.js'
import { localFiles } from './local-files.js'
import { buildGraph, EXACT_ROWS, hasUsearch, needUsearch, removeGraphs } from './neighbour-graph.js'
import { type IndexSettings, readIndex, type SearchIndex, writeIndex } from './search-index.js'

/** Images between two looks at the clock. */
const CHUNK = 256
/** What a kill can cost. */
const SAVE_MS = 60_000
/** Files asked for their size at a time. */
const STATS = 32

/** `dino search build`: features of a folder's images, of those that are new or changed only where there is an index. */
export async function runSearchBuild(options: SearchBuildOptions, io: TrainIO): Promise<number> {
  const { folder, index: output } = options
  const old = await readIndex(output)
  const checkpoint = options.checkpoint ?? old?.checkpoint
  if (checkpoint === undefined) {
    throw new Failure(`--checkpoint is missing: the network that makes the features of a new index.`, 2)
  }
  if (options.approximate) needUsearch() // told before hours of work
  const images = await imagesOf(folder, io)
  const files = localFiles(folder, images)
  const backbone = await loadAnyBackbone(checkpoint, options.network ?? old?.settings.network)
  const settings = settingsOf(backbone, options, old)
  if (old) refuseChanges(output, old.settings, settings)

  const { index, added, removed, leftOut } = await updated(old, { files, images, backbone, settings }, options, io)
  if (added + removed + leftOut > 0 || !old) await writeIndex(output, index)
  const { rows } = index.features
  const approximate = options.approximate || (rows > EXACT_ROWS && hasUsearch())
  if (approximate) {
    io.stderr.write(`Building the approximate index of ${rows} images.\n`)
    buildGraph(output, index)
  } else removeGraphs(output)
  const result = { index: output, images: rows, added, removed, leftOut, approximate }
  if (options.json) io.stdout.write(`${JSON.stringify(result)}\n`)
  else {
    const out = leftOut > 0 ? `, ${leftOut} not readable` : ''
    const how = approximate ? 'approximate search' : 'exact search'
    io.stdout.write(`${output}: ${rows} images (${added} new or changed, ${removed} gone${out}), ${how}\n`)
  }
  return 0
}

function settingsOf(backbone: AnyBackbone, options: SearchBuildOptions, old: SearchIndex | undefined): IndexSettings {
  return {
    weights: weightsDigest(backbone.tensors),
    network: options.network ?? old?.settings.network ?? 'teacher',
    imageSize: options.imageSize ?? old?.settings.imageSize ?? backbone.imageSize,
    background: backbone.background,
  }
}

function refuseChanges(output: string, there: IndexSettings, here: IndexSettings): void {
  if (JSON.stringify(there) === JSON.stringify(here)) return
  throw new Failure(
    `${output} was built with ${shown(there)}; this is ${shown(here)}. Features of two kinds do not compare: choose another name.`,
    2,
  )
}

function shown({ weights, network, imageSize }: IndexSettings): string {
  return `weights ${weights} (${network}) at ${imageSize} pixels`
}

interface Sources {
  files: readonly string[]
  images: TrainImages
  backbone: AnyBackbone
  settings: IndexSettings
}

/** The old index without what is gone or changed, and with what is new. Saved now and then: a kill costs a minute. */
async function updated(
  old: SearchIndex | undefined,
  { files, images, backbone, settings }: Sources,
  { index: output, engine }: SearchBuildOptions,
  io: TrainIO,
) {
  const stamps = await stampsOf(files)
  const rowOf = new Map(old?.files.map((file, row) => [file, row]))
  const same = (i: number) => {
    const row = rowOf.get(files[i]!)
    return row !== undefined && old!.stamps[2 * row] === stamps[2 * i] && old!.stamps[2 * row + 1] === stamps[2 * i + 1]
  }
  const all = [...new Map(files.map((file, i) => [file, i])).values()] // a list may name a file twice
  const kept = all.filter(same)
  const todo = all.filter((i) => !same(i))
  const dim = featureWidth(backbone.config)
  const data = new Float32Array(all.length * dim)
  const rows: number[] = []
  const add = (image: number, row: Float32Array) => {
    data.set(row, rows.length * dim)
    rows.push(image)
  }
  for (const i of kept) {
    const row = rowOf.get(files[i]!)!
    add(i, old!.features.data.subarray(row * dim, (row + 1) * dim))
  }
  const index = (): SearchIndex => ({
    settings,
    checkpoint: resolve(backbone.path),
    files: rows.map((i) => files[i]!),
    stamps: Float64Array.from({ length: 2 * rows.length }, (_, j) => stamps[2 * rows[j >> 1]! + (j & 1)]!),
    features: { data: data.subarray(0, rows.length * dim), rows: rows.length, dim },
  })
  const listed = new Set(files)
  const removed = old?.files.filter((file) => !listed.has(file)).length ?? 0
  if (todo.length === 0) return { index: index(), added: 0, removed, leftOut: 0 }

  const { session, embed } = await openFeatures(backbone, { engine, size: settings.imageSize, io })
  try {
    const count = counter(io, 'images')
    let saved = performance.now()
    let leftOut = 0
    for (let first = 0; first < todo.length; first += CHUNK) {
      const table = await extractFeatures(images, {
        embed,
        size: settings.imageSize,
        background: backbone.background,
        indices: todo.slice(first, first + CHUNK),
        signal: io.signal,
        onProgress: (done) => count.update(first + done, todo.length),
      })
      table.indices.forEach((image, row) => {
        add(image, table.data.subarray(row * dim, (row + 1) * dim))
      })
      for (const [name, reason] of table.setAside) count.note(`Left out, not readable: ${name}: ${reason}`)
      leftOut += table.setAside.size
      if (performance.now() - saved < SAVE_MS) continue
      await writeIndex(output, index())
      saved = performance.now()
    }
    count.stop()
    return { index: index(), added: todo.length - leftOut, removed, leftOut }
  } finally {
    await session.close()
  }
}

/** Size and time of change of each file, [files, 2]; of one that is gone by now -1, so that it counts as changed. */
async function stampsOf(files: readonly string[]): Promise<Float64Array> {
  const stamps = new Float64Array(2 * files.length).fill(-1)
  const todo = files.entries()
  const next = async () => {
    for (const [i, file] of todo) {
      const found = await stat(file).catch(() => undefined)
      if (found) stamps.set([found.size, found.mtimeMs], 2 * i)
    }
  }
  await Promise.all(Array.from({ length: STATS }, next))
  return stamps
}
