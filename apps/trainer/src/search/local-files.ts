import { relative, resolve } from 'node:path'
import { Failure } from '../report/io.js'
import type { TrainImages } from '../train/images.js'

/** Paths of all images: what is found has to be there to be looked at. @throws Failure for images in archives and on servers */
export function localFiles(source: string, images: TrainImages): string[] {
  return Array.from({ length: images.count }, (_, i) => {
    const sample = images.sample(i)
    if ('path' in sample && !/^https?:/i.test(sample.path)) return resolve(sample.path)
    throw new Failure(
      `${source}: expected files of a folder, glob or list; ${images.name(i)} is none. Unpack it first.`,
      2,
    )
  })
}

/** A path as a person would type it here. */
export function shownPath(file: string): string {
  const below = relative(process.cwd(), file)
  return below.startsWith('..') ? file : below
}
