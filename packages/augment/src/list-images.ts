import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { globPattern, globRoot, isGlob } from './glob.js'

export interface ListedImage {
  /** To open it: below `root`. */
  path: string
  /** Below the root, with '/' between folders: the same on every machine. */
  name: string
  /** The folder below the root that it lies in; null if that tells nothing. */
  label: string | null
}

export interface ImageList {
  /** The folder; of a glob, the part before its first wildcard. */
  root: string
  /** Sorted by name, by UTF-16 code unit. */
  files: ListedImage[]
  /** The labels, sorted. Empty unless at least two sub-folders of the root hold images. */
  classes: string[]
}

/** What an image's name ends with. */
export const IMAGE_NAME = /\.(jpe?g|jpe|jfif|png|webp|avif|tiff?|gif)$/i

/**
 * Lists the images of a folder, nested or flat, or of a glob such as `photos/**\/*.jpg`.
 *
 * By name alone: nothing is opened. Hidden files and folders are skipped, symbolic links followed.
 *
 * @throws Error for a missing folder, a file, a folder that may not be read, and when there is no image
 */
export async function listImages(folderOrGlob: string): Promise<ImageList> {
  const { root, names: all, pattern, given } = await listBelow(folderOrGlob)
  const names = all.filter((name) => IMAGE_NAME.test(name) && (pattern?.test(name) ?? true))
  if (names.length === 0) throw new Error(`listImages: no images in ${given}: ${whatThereIs(all, pattern)}`)
  names.sort(byCodeUnit)

  const folders = new Set(names.map(firstFolder).filter((folder) => folder !== null))
  const labelled = folders.size > 1
  const files = names.map((name) => ({ path: join(root, name), name, label: labelled ? firstFolder(name) : null }))
  return { root, files, classes: labelled ? [...folders].sort(byCodeUnit) : [] }
}

/** The files of any kind that a folder holds or a glob matches, sorted by name. */
export async function listFiles(folderOrGlob: string): Promise<{ root: string; names: string[] }> {
  const { root, names, pattern } = await listBelow(folderOrGlob)
  return { root, names: names.filter((name) => pattern?.test(name) ?? true).sort(byCodeUnit) }
}

async function listBelow(folderOrGlob: string) {
  const given = sep === '/' ? folderOrGlob : folderOrGlob.replaceAll(sep, '/')
  const glob = isGlob(given) && (await kind(given)) === 'missing'
  const root = glob ? globRoot(given) : given
  const found = await kind(root)
  if (found === 'missing')
    throw new Error(`listImages: expected a folder or a glob of images, but there is no ${root}.`)
  if (found !== 'folder')
    throw new Error(
      `listImages: expected a folder or a glob of images, but ${root} is a file. Give the folder it is in.`,
    )
  const pattern = glob ? globPattern(below(root, given)) : undefined

  const all: string[] = []
  await walk(root, '', [await realpath(root)], all)
  return { root, names: all, pattern, given: folderOrGlob }
}

/** Adds the files below a folder; `above` are the real paths of the folders on the way, so that a circle of links ends. */
async function walk(root: string, folder: string, above: string[], names: string[]): Promise<void> {
  for (const entry of await entries(join(root, folder))) {
    if (entry.name.startsWith('.')) continue
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    const what = entry.isSymbolicLink()
      ? await kind(join(root, name))
      : entry.isDirectory()
        ? 'folder'
        : entry.isFile()
          ? 'file'
          : 'other'
    if (what === 'file') names.push(name)
    if (what !== 'folder') continue
    const real = entry.isSymbolicLink() ? await realpath(join(root, name)) : join(above.at(-1)!, entry.name)
    if (!above.includes(real)) await walk(root, name, [...above, real], names)
  }
}

async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'EACCES' || code === 'EPERM' ? 'no permission to read it' : message
    throw new Error(`listImages: cannot list ${folder}: ${reason}.`, { cause })
  }
}

async function kind(path: string): Promise<'folder' | 'file' | 'other' | 'missing'> {
  try {
    const found = await stat(path)
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other'
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing'
    throw new Error(`listImages: cannot look at ${path}: ${message}.`, { cause })
  }
}

function below(root: string, glob: string): string {
  if (root === '.' && !glob.startsWith('./')) return glob
  return glob.slice(root.length).replace(/^\/+/, '')
}

function whatThereIs(all: string[], pattern: RegExp | undefined): string {
  const images = all.filter((name) => IMAGE_NAME.test(name)).length
  if (pattern && images > 0)
    return `none of the ${images} images below its folder matches. Is it quoted, with ** for sub-folders?`
  if (all.some(isArchiveName)) return 'it holds archives. Give them by a glob in quotes that ends in .tar or .zip.'
  if (all.length === 0)
    return 'it is empty. Expected .jpg, .png, .webp, .avif, .tif or .gif files in it or its sub-folders.'
  const extensions = [...new Set(all.map((name) => /\.[^./]+$/.exec(name)?.[0] ?? 'without extension'))]
  const some = extensions.sort(byCodeUnit).slice(0, 5).join(', ')
  return `it holds ${all.length} other files (${some}). Expected .jpg, .png, .webp, .avif, .tif or .gif.`
}

function isArchiveName(name: string): boolean {
  return /\.(tar|zip)$/i.test(name)
}

function firstFolder(name: string): string | null {
  const slash = name.indexOf('/')
  return slash < 0 ? null : name.slice(0, slash)
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
