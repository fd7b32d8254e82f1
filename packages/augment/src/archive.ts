import { openBytes } from './byte-source.js'
import { DatasetError } from './dataset-error.js'
import type { FilePart } from './file-part.js'
import { isUrl } from './http-range.js'
import type { IndexCache } from './index-cache.js'
import { imagesIn, isWanted, labelIn } from './samples-in.js'
import { COMPRESSED, tarIndex } from './tar-index.js'
import { unpackEntry, type ZipEntry } from './zip-entry.js'
import { zipIndex } from './zip-index.js'

/** An image in an archive. */
export interface PackedFile {
  name: string
  offset: number
  length: number
  zip?: ZipEntry
  /** Of a .cls or .json member beside it. */
  label: string | null
}

const TAR = /\.tar$/i
const ZIP = /\.zip$/i
const REFUSED: [RegExp, string][] = [
  [/\.(tar\.\w+|tgz|tbz2?|txz|tzst)$/i, COMPRESSED],
  [/\.(7z|rar)$/i, 'expected a tar or zip file'],
]

/** Whether a path or URL names an archive: one that is read, or one that `openArchive` refuses with a word. */
export function isArchive(source: string): boolean {
  const name = fileName(source)
  return TAR.test(name) || ZIP.test(name) || REFUSED.some(([pattern]) => pattern.test(name))
}

/** The images of a tar or zip file on disk or on a server, in its order. */
export async function openArchive(container: string, cache?: IndexCache): Promise<PackedFile[]> {
  const name = fileName(container)
  const refused = REFUSED.find(([pattern]) => pattern.test(name))
  if (refused) throw new DatasetError(container, refused[1])
  const source = await openBytes(container)
  try {
    const cached = await cache?.get(container, source.version)
    if (cached) return cached
    const members: Pick<FilePart, 'name' | 'offset' | 'length' | 'zip'>[] = ZIP.test(name)
      ? await zipIndex(source, isWanted)
      : await tarIndex(source)
    const files: PackedFile[] = []
    for (const { name, member, labelled } of imagesIn(members)) {
      const { offset, length, zip } = member
      const label = labelled ? await readLabel(labelled) : null
      files.push({ name, offset, length, ...(zip && { zip }), label })
    }
    await cache?.put(container, source.version, files)
    return files
  } finally {
    await source.close()
  }

  async function readLabel({ name, offset, length, zip }: Omit<FilePart, 'container'>): Promise<string | null> {
    const bytes = await source.read(offset, length)
    try {
      return labelIn(name, zip ? unpackEntry(bytes, zip) : bytes)
    } catch (error) {
      throw new DatasetError(source.name, `${name}: ${(error as Error).message}`, error)
    }
  }
}

function fileName(source: string): string {
  return isUrl(source) && URL.canParse(source) ? new URL(source).pathname : source
}
