import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '@dino/weights/node'
import { kebab } from '../config/fields.js'
import { Failure } from '../report/io.js'

/** What features depend on: a folder of shards goes on only if all of it is the same. */
export type ShardSettings = Readonly<Record<string, string | number>>

/** A file of a folder of features. */
export interface Shard {
  file: string
  /** Images of the list: from the first up to before the second number. */
  images: [from: number, to: number]
  /** [rows, …]: an image that could not be read has no row. */
  shape: number[]
  /** Images without a row. */
  leftOut: number
  bytes: number
}

/** index.json of a folder of features. */
export interface ShardIndex {
  settings: ShardSettings
  /** For people: where it came from. */
  about: Readonly<Record<string, unknown>>
  complete: boolean
  rows: number
  leftOut: number
  shards: Shard[]
}

export interface WriteShardsOptions {
  folder: string
  settings: ShardSettings
  about: ShardIndex['about']
  /** Images in all. */
  count: number
  /** Images of a shard. */
  shardSize: number
  /** What a shard's name ends with. */
  extension: string
}

/** Reads the index of a folder that is gone on with, or begins one. @throws Failure where the folder holds something else */
export async function openShards({ folder, settings, about }: WriteShardsOptions): Promise<ShardIndex> {
  const path = join(folder, 'index.json')
  if (!existsSync(path)) {
    if (existsSync(folder) && (!statSync(folder).isDirectory() || readdirSync(folder).length > 0)) {
      throw new Failure(`--output ${folder} exists and holds no features (no index.json). Choose another --output.`, 2)
    }
    await mkdir(folder, { recursive: true })
    const index: ShardIndex = { settings, about, complete: false, rows: 0, leftOut: 0, shards: [] }
    await writeIndex(folder, index)
    return index
  }
  const index = readIndex(path)
  refuseChanges(folder, index.settings, settings)
  for (const name of readdirSync(folder)) if (/^\..*\.tmp$/.test(name)) rmSync(join(folder, name)) // of a killed run
  // A shard enters the index after its file is whole; one that was removed or cut since is made again, with all that follow.
  const whole = index.shards.findIndex(({ file, bytes }) => sizeOf(join(folder, file)) !== bytes)
  return whole < 0 ? index : summed({ ...index, complete: false, shards: index.shards.slice(0, whole) })
}

/**
 * Writes what is missing of a folder, shard by shard; after each one the index says so.
 *
 * @param write makes one shard's file of some images, and tells its shape
 */
export async function writeShards(
  { folder, count, shardSize, extension }: WriteShardsOptions,
  started: ShardIndex,
  write: (path: string, from: number, to: number) => Promise<Pick<Shard, 'shape' | 'leftOut'>>,
): Promise<ShardIndex> {
  let index = started
  for (let i = index.shards.length; i * shardSize < count; i++) {
    const file = `${String(i).padStart(6, '0')}.${extension}`
    const images: [number, number] = [i * shardSize, Math.min((i + 1) * shardSize, count)]
    const { shape, leftOut } = await write(join(folder, file), ...images)
    const shard: Shard = { file, images, shape, leftOut, bytes: sizeOf(join(folder, file)) }
    index = summed({ ...index, complete: images[1] === count, shards: [...index.shards, shard] })
    await writeIndex(folder, index)
  }
  return index
}

function summed(index: ShardIndex): ShardIndex {
  let [rows, leftOut] = [0, 0]
  for (const shard of index.shards) {
    rows += shard.shape[0]!
    leftOut += shard.leftOut
  }
  return { ...index, rows, leftOut }
}

function readIndex(path: string): ShardIndex {
  try {
    const index = JSON.parse(readFileSync(path, 'utf8')) as ShardIndex
    if (Array.isArray(index.shards) && typeof index.settings === 'object') return index
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new Failure(`${path} is no index of features. Choose another --output, or remove it.`, 2)
}

function refuseChanges(folder: string, there: ShardSettings, here: ShardSettings): void {
  const keys = [...new Set([...Object.keys(there), ...Object.keys(here)])].filter((key) => there[key] !== here[key])
  if (keys.length === 0) return
  const list = keys.map((key) => `${kebab(key)} ${there[key] ?? 'none'} there, ${here[key] ?? 'none'} here`).join('; ')
  throw new Failure(`--output ${folder} holds other features (${list}). Choose another --output, or give these.`, 2)
}

function writeIndex(folder: string, index: ShardIndex): Promise<void> {
  return writeFileAtomic(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`)
}

function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : -1
}
