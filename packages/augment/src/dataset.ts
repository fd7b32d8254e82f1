import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isArchive, openArchive } from './archive.js'
import { expandBraces } from './brace-names.js'
import { refuseUnknown } from './checks.js'
import { DatasetError } from './dataset-error.js'
import { type FilePart, MAX_FILE_BYTES, partName, readLocal } from './file-part.js'
import { isGlob } from './glob.js'
import { fetchWhole, isUrl, shownUrl } from './http-range.js'
import { IndexCache } from './index-cache.js'
import { parseList } from './list-file.js'
import { IMAGE_NAME, listFiles, listImages } from './list-images.js'

export interface OpenDatasetOptions {
  /** Folder that keeps the indices of archives for the next time; made if need be. Default none. */
  cache?: string
  signal?: AbortSignal
  /** Archives indexed so far. */
  onProgress?(done: number, total: number): void
}

/** Where an image lies, as plain data: what a thread needs to read it. */
export type DatasetSample = { index: number; path: string } | { index: number; part: FilePart }

/** Images by number; of them nothing is in memory but where they lie. */
export interface Dataset {
  count: number
  /** Below the folder, in the list, or `archive#member`. */
  names: readonly string[]
  /** Class of each image, -1 where there is none. Absent without labels. */
  labels?: Int32Array
  /** Sorted; numbers by value. */
  classes: readonly string[]
  /** Changes when the names or their order do. */
  digest: string
  /** For `AugmentPool.batch`, or, without its index, for `decode`. */
  sample(index: number): DatasetSample
}

interface Item {
  name: string
  label: string | null
  source: string | FilePart
}

const LIST = /\.(txt|tsv|lst)$/i
const AT_ONCE = 8 // archives on a server indexed at a time

/**
 * Lists the images of a source; nothing is decoded or unpacked.
 *
 * A folder or glob (see `listImages`); a .tar or .zip file, several by glob or by `{000..146}`; a list (.txt, .tsv or .lst: an image and
 * perhaps a label a line). Archives, lists and the images of lists may be http(s) URLs.
 *
 * @throws DatasetError naming the file and the reason
 */
export async function openDataset(source: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  refuseUnknown('openDataset', options, ['cache', 'signal', 'onProgress'])
  if (typeof source !== 'string' || source === '' || source.includes('\0'))
    throw new TypeError(`openDataset: expected a path, glob or URL, got ${JSON.stringify(source)}.`)
  options.signal?.throwIfAborted()
  const items = await itemsOf(source, options)
  if (items.length === 0) throw new DatasetError(source, 'there are no images in it')
  const names = items.map(({ name }) => name)
  const classes = classesOf(items)
  const numbers = new Map(classes.map((label, i) => [label, i]))
  const hash = createHash('sha256')
  for (const name of names) hash.update(`${name}\n`)
  return {
    count: items.length,
    names,
    ...(classes.length > 0 && { labels: Int32Array.from(items, ({ label }) => numbers.get(label ?? '') ?? -1) }),
    classes,
    digest: hash.digest('hex').slice(0, 16),
    sample(index) {
      const item = items[index]
      if (!item) throw new RangeError(`sample: expected an index from 0 to ${items.length - 1}, got ${index}.`)
      return typeof item.source === 'string' ? { index, path: item.source } : { index, part: item.source }
    },
  }
}

/** What to call a sample: its path or URL, or `archive#member`. */
export function sampleName(sample: DatasetSample): string {
  if ('part' in sample) return partName(sample.part)
  return isUrl(sample.path) ? shownUrl(sample.path) : sample.path
}

async function itemsOf(source: string, options: OpenDatasetOptions): Promise<Item[]> {
  const there = isUrl(source) ? undefined : await stat(source).catch(() => undefined)
  const names = there ? [source] : expandBraces(source)
  if (names.every(isArchive) && !there?.isDirectory()) return packedIn(await existing(names), options)
  if (names.length > 1) throw new DatasetError(source, 'expected a range {000..146} to name .tar or .zip files')
  if (!there?.isDirectory() && LIST.test(isUrl(source) ? new URL(source).pathname : source)) return listedIn(source)
  if (isUrl(source))
    throw new DatasetError(shownUrl(source), 'expected the URL of a .tar, .zip or .txt file: a server lists no folders')
  if (there?.isFile() && IMAGE_NAME.test(source)) throw new DatasetError(source, 'it is one image. Give its folder')
  if (there?.isFile()) throw new DatasetError(source, 'expected a folder, a .tar or .zip file, or a list (.txt)')
  const { files } = await listImages(source).catch((error: Error) => {
    throw new DatasetError(source, error.message.replace(/^listImages: /, '').replace(/\.$/, ''), error)
  })
  return files.map(({ name, label, path }) => ({ name, label, source: path }))
}

/** Globs of archives as their files; other names are taken as they are. */
async function existing(names: string[]): Promise<string[]> {
  const found: string[] = []
  for (const name of names) {
    const glob = !isUrl(name) && isGlob(name) && !(await stat(name).catch(() => undefined))
    if (!glob) found.push(name)
    else {
      const { root, names: below } = await listFiles(name).catch((error: Error) => {
        throw new DatasetError(name, error.message.replace(/^listImages: /, ''), error)
      })
      if (below.length === 0) throw new DatasetError(name, 'no file matches')
      found.push(...below.map((file) => join(root, file)))
    }
  }
  return found
}

async function packedIn(containers: string[], { cache, signal, onProgress }: OpenDatasetOptions): Promise<Item[]> {
  const indices = cache === undefined ? undefined : new IndexCache(cache)
  const items: Item[][] = []
  let done = 0
  const todo = containers.entries()
  const indexNext = async () => {
    for (const [i, container] of todo) {
      signal?.throwIfAborted()
      const files = await openArchive(container, indices)
      const archive = basename(isUrl(container) ? new URL(container).pathname : container)
      items[i] = files.map(({ label, ...place }) => ({
        name: `${archive}#${place.name}`,
        label,
        source: { container, ...place },
      }))
      onProgress?.(++done, containers.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, indexNext))
  const all = items.flat()
  if (all.some(({ label }) => label !== null)) return all
  // as in a folder: the first folder is the label, if there are at least two
  const folder = ({ source }: Item) => /^([^/]+)\//.exec((source as FilePart).name)?.[1] ?? null
  const folders = new Set(all.map(folder).filter((name) => name !== null))
  return folders.size > 1 ? all.map((item) => ({ ...item, label: folder(item) })) : all
}

async function listedIn(list: string): Promise<Item[]> {
  const bytes = isUrl(list) ? await fetchWhole(list, MAX_FILE_BYTES) : await readLocal(list, 0, undefined)
  const files = parseList(list, new TextDecoder().decode(bytes))
  return files.map(({ name, label, path }) => ({ name, label, source: path }))
}

function classesOf(items: readonly Item[]): string[] {
  const labels = [...new Set(items.map(({ label }) => label).filter((label) => label !== null))]
  if (labels.every((label) => /^\d+$/.test(label))) return labels.sort((a, b) => Number(a) - Number(b))
  return labels.sort() // by UTF-16 code unit
}
