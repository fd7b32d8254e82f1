import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SafetensorsError } from '@dino/weights'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import { Failure } from '../report/io.js'

/** What features depend on: an index holds those of one network, at one size. */
export interface IndexSettings {
  /** A hash of the network's weights. */
  weights: string
  network: 'teacher' | 'student'
  imageSize: number
  /** R, G, B under transparent pixels. */
  background: readonly number[]
}

/** Features of files, one row each. */
export interface SearchIndex {
  settings: IndexSettings
  /** Where the network was read from. */
  checkpoint: string
  /** Absolute paths, in the order of the rows. */
  files: string[]
  /** [rows, 2] bytes and time of change (milliseconds) of each file when it was read. */
  stamps: Float64Array
  /** [rows, dim] */
  features: { data: Float32Array; rows: number; dim: number }
}

const FILE = 'features.safetensors'

/** The index in a folder, if there is one. @throws Failure for a damaged one, and where the folder holds something else */
export async function readIndex(folder: string): Promise<SearchIndex | undefined> {
  const path = join(folder, FILE)
  if (!existsSync(path)) {
    if (
      existsSync(folder) &&
      (!statSync(folder).isDirectory() || readdirSync(folder).some((name) => !isLeftOver(name)))
    ) {
      throw new Failure(`${folder} exists and is no search index (${FILE} is missing). Choose another name.`, 2)
    }
    return undefined
  }
  const { tensors, metadata } = await readSafetensors(path).catch((error: Error) => {
    if (!(error instanceof SafetensorsError)) throw error
    throw new Failure(`${error.message} Remove ${folder}, and build the index again.`)
  })
  const { features, stamps } = tensors
  const [rows, dim] = features?.shape ?? []
  if (!metadata.search || rows === undefined || dim === undefined || !stamps) {
    throw new Failure(`${path} holds features, but not of a search index. Choose another name.`, 2)
  }
  const { settings, checkpoint, files } = JSON.parse(metadata.search) as Omit<SearchIndex, 'features' | 'stamps'>
  return {
    settings,
    checkpoint,
    files,
    stamps: stamps.data as Float64Array,
    features: { data: features!.data as Float32Array, rows, dim },
  }
}

/** Writes an index whole or not at all. */
export async function writeIndex(folder: string, { features, stamps, ...rest }: SearchIndex): Promise<void> {
  const { data, rows, dim } = features
  await mkdir(folder, { recursive: true })
  await writeSafetensors(
    join(folder, FILE),
    {
      features: { dtype: 'float32', shape: [rows, dim], data },
      stamps: { dtype: 'float64', shape: [rows, 2], data: stamps },
    },
    { search: JSON.stringify(rest) },
  )
}

/** What a process that was killed while it built an index leaves. */
function isLeftOver(name: string): boolean {
  return name.startsWith('.')
}
