import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RevisitedTruth } from '@dino/eval'
import { type HostTensor, PickleError, type PickleValue, parsePickle } from '@dino/weights'
import { Failure } from '../../report/io.js'
import { wrongLayout } from '../layout.js'

/** Left, top, right and bottom, in pixels. */
export type Corners = readonly [left: number, top: number, right: number, bottom: number]

export interface Query extends RevisitedTruth {
  name: string
  /** What of the image is asked for. */
  bbx: Corners
}

/** Revisited Oxford or Paris: which images there are, and what each query should find. */
export interface Revisited {
  /** Folder of the images. */
  images: string
  /** Names without .jpg, in the order that the truth counts them. */
  database: string[]
  queries: Query[]
}

export type RevisitedName = 'roxford5k' | 'rparis6k'

/**
 * Reads the layout that revisited Oxford and Paris are distributed in. The ground truth is a pickle, which is read as data: nothing in it
 * is run.
 */
export async function openRevisited(root: string, dataset: RevisitedName): Promise<Revisited> {
  const folder = join(root, dataset)
  const truth = `gnd_${dataset}.pkl`
  const wrong = (problem: string) =>
    wrongLayout(root, problem, 'It', [
      [`${dataset}/jpg/all_souls_000013.jpg …`, 'images, of queries too'],
      [`${dataset}/${truth}`, 'ground truth'],
    ])
  if (!existsSync(join(folder, truth))) {
    const own = existsSync(join(root, truth)) ? ` Do you mean ${join(root, '..')}?` : ''
    throw wrong(`${dataset}/${truth} is missing.${own}`)
  }
  const { database, queries } = readGroundTruth(join(folder, truth), await readFile(join(folder, truth)))
  const images = join(folder, 'jpg')
  const names = [...database, ...queries.map(({ name }) => name)]
  const missing = names.filter((name) => !existsSync(join(images, `${name}.jpg`)))
  if (missing.length > 0) {
    throw wrong(
      `${dataset}/jpg/${missing[0]}.jpg is missing, and so are ${missing.length - 1} others of ${names.length}.`,
    )
  }
  return { images, database, queries }
}

/** @param bytes a pickle of { imlist, qimlist, gnd: [{ bbx, easy, hard, junk }] }; its numbers may be NumPy's */
export function readGroundTruth(file: string, bytes: Uint8Array): Pick<Revisited, 'database' | 'queries'> {
  let value: PickleValue
  try {
    value = parsePickle(bytes, { file })
  } catch (error) {
    throw error instanceof PickleError ? new Failure(error.message) : error
  }
  const fail = (what: string) =>
    new Failure(`${file}: expected ${what}. Is it the ground truth of revisited Oxford or Paris?`)
  const entry = (from: PickleValue, key: string) => {
    if (from instanceof Map && from.has(key)) return from.get(key)!
    throw fail(`a dictionary with ${key}`)
  }
  const list = (from: PickleValue, key: string) => {
    const items = entry(from, key)
    if (Array.isArray(items)) return items
    throw fail(`${key} to be a list`)
  }
  const strings = (key: string) => {
    const items = list(value, key)
    if (items.every((item) => typeof item === 'string')) return items
    throw fail(`${key} to be a list of names`)
  }
  const numbers = (from: PickleValue, key: string) => {
    const items = entry(from, key)
    const array = isTensor(items) ? [...(items.data as Iterable<number> & ArrayBufferView)] : items
    if (!Array.isArray(array)) throw fail(`${key} to be a list of numbers`)
    return array.map((item) => {
      if (typeof item !== 'number' && typeof item !== 'bigint') throw fail(`${key} to hold numbers`)
      return Number(item)
    })
  }
  const [database, names, gnd] = [strings('imlist'), strings('qimlist'), list(value, 'gnd')]
  if (gnd.length !== names.length)
    throw fail(`as many entries of gnd as of qimlist, got ${gnd.length} and ${names.length}`)
  const rows = (from: PickleValue, key: string) => {
    const items = numbers(from, key)
    const beyond = items.find((row) => !(Number.isInteger(row) && row >= 0 && row < database.length))
    if (beyond === undefined) return items
    throw fail(`${key} to name images of imlist, 0 to ${database.length - 1}, got ${beyond}`)
  }
  const queries = gnd.map((each, i) => {
    const bbx = numbers(each, 'bbx')
    if (bbx.length !== 4) throw fail(`bbx to hold left, top, right and bottom, got ${bbx.length} numbers`)
    const truth = { easy: rows(each, 'easy'), hard: rows(each, 'hard'), junk: rows(each, 'junk') }
    return { name: names[i]!, bbx: bbx as unknown as Corners, ...truth }
  })
  return { database, queries }
}

/** An array of NumPy. */
function isTensor(value: PickleValue): value is HostTensor {
  return typeof value === 'object' && value !== null && 'dtype' in value
}
