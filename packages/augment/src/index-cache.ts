import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PackedFile } from './archive.js'

const FORMAT = 'dino-index-1'

/** Indices of archives in a folder: the next opening reads no headers, unless the archive has changed. */
export class IndexCache {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What was stored of this version of the archive; a file that is damaged is none. */
  async get(container: string, version: string): Promise<PackedFile[] | undefined> {
    try {
      const stored = JSON.parse(await readFile(this.#path(container), 'utf8'))
      const { format, container: of, version: then, files } = stored
      return format === FORMAT && of === container && then === version && Array.isArray(files) ? files : undefined
    } catch {
      return undefined
    }
  }

  async put(container: string, version: string, files: readonly PackedFile[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const path = this.#path(container)
    const part = `${path}.${randomUUID()}.tmp`
    await writeFile(part, JSON.stringify({ format: FORMAT, container, version, files }))
    await rename(part, path)
  }

  #path(container: string): string {
    return join(this.#folder, `${createHash('sha256').update(container).digest('hex').slice(0, 32)}.json`)
  }
}
