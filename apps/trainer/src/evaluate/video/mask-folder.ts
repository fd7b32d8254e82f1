import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import type { Sequence } from './davis.js'
import { type LabelImage, readLabels, writeLabels } from './label-png.js'

const FILE = 'dino-video.json'

/** What a folder of masks remembers of itself. */
interface Known {
  /** What the masks depend on. */
  settings: unknown
  /** Sequences that are written. */
  sequences: string[]
}

/**
 * Masks in the form that the official evaluation of DAVIS reads: NAME/00000.png …, palette images. A sequence is there whole or not at
 * all; dino-video.json tells how they were made, so that none is taken for that of another network.
 */
export class MaskFolder {
  readonly path: string
  readonly #settings: unknown
  readonly #done: Set<string>
  /** Masks made with other settings lie in the folder, and will be replaced. */
  readonly stale: boolean

  constructor(path: string, settings: unknown) {
    this.path = path
    this.#settings = settings
    const known = existsSync(join(path, FILE))
      ? (JSON.parse(readFileSync(join(path, FILE), 'utf8')) as Known)
      : undefined
    const same = JSON.stringify(known?.settings) === JSON.stringify(settings)
    this.#done = new Set(same ? known!.sequences : [])
    this.stale = known !== undefined && !same
  }

  has({ name, masks }: Sequence): boolean {
    return this.#done.has(name) && masks.every((mask) => existsSync(join(this.path, name, basename(mask))))
  }

  /** Labels of every frame from the second on. */
  async *read({ name, masks }: Sequence): AsyncGenerator<Uint8Array> {
    for (const mask of masks.slice(1)) yield (await readLabels(join(this.path, name, basename(mask)))).labels
  }

  /** Writes labels of the second frame and on as they come, and passes them on; the sequence counts once all have passed. */
  async *write(
    { name, masks }: Sequence,
    first: LabelImage,
    labels: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const part = join(this.path, `.${name}.part`)
    await rm(part, { recursive: true, force: true })
    await mkdir(part, { recursive: true })
    await writeLabels(join(part, basename(masks[0]!)), first)
    let frame = 1
    for await (const each of labels) {
      await writeLabels(join(part, basename(masks[frame++]!)), { ...first, labels: each })
      yield each
    }
    await this.#forget(name)
    await rm(join(this.path, name), { recursive: true, force: true })
    await rename(part, join(this.path, name))
    this.#done.add(name)
    await this.#remember()
  }

  /** Before masks are replaced: they may be of other settings. */
  async #forget(name: string): Promise<void> {
    this.#done.delete(name)
    await this.#remember()
  }

  #remember(): Promise<void> {
    const known: Known = { settings: this.#settings, sequences: [...this.#done] }
    return writeFileAtomic(join(this.path, FILE), `${JSON.stringify(known, null, 2)}\n`)
  }
}
