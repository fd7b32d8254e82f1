import { existsSync, statSync } from 'node:fs'
import { basename, relative } from 'node:path'
import type { Sample } from '@dino/augment/node'
import { Failure, type TrainIO } from '../report/io.js'
import { imagesOf } from '../train/images.js'

/** An image that a command was given, by itself or in a folder. */
export interface GivenImage {
  /** For people. */
  name: string
  sample: Sample
  /** Its path below what was given, with `/`: what is made of it can be called by that. */
  below: string
}

/**
 * The images that a command line names: files, and all images of folders, globs, lists and archives.
 *
 * @param flag what to call them in errors
 */
export async function givenImages(flag: string, sources: readonly string[], io: TrainIO): Promise<GivenImage[]> {
  const given: GivenImage[] = []
  for (const source of sources) {
    const file = existsSync(source) && statSync(source).isFile() && !/\.(txt|tsv|lst|zip|tar)$/i.test(source)
    if (file) {
      given.push({ name: source, sample: { index: given.length, path: source }, below: basename(source) })
      continue
    }
    const images = await imagesOf(source, io).catch((error: unknown) => {
      if (!(error instanceof Failure)) throw error
      throw new Failure(error.message.replace(/^--data: /, `${flag}: `), error.exitCode, { cause: error })
    })
    const root = existsSync(source) && statSync(source).isDirectory() ? source : undefined
    for (let index = 0; index < images.count; index++) {
      const name = images.name(index)
      const below = root ? relative(root, name).replaceAll('\\', '/') : name.replace(/^.*[#/\\]/, '')
      given.push({ name, sample: images.sample(index), below })
    }
  }
  return given
}

/**
 * A name for each path, without its extension where that tells them apart, numbered where nothing does. Names that differ in case alone are the
 * same on some disks.
 */
export function distinctNames(paths: readonly string[]): string[] {
  const stem = (path: string) => path.replace(/\.[^./]+$/, '')
  const counts = new Map<string, number>()
  for (const path of paths) {
    const key = stem(path).toLowerCase()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  const taken = new Set<string>()
  return paths.map((path) => {
    const wanted = counts.get(stem(path).toLowerCase())! > 1 ? path : stem(path)
    let name = wanted
    for (let number = 2; taken.has(name.toLowerCase()); number++) name = `${wanted}-${number}`
    taken.add(name.toLowerCase())
    return name
  })
}
