import { dirname, isAbsolute, join } from 'node:path'
import { DatasetError } from './dataset-error.js'
import { isUrl, shownUrl } from './http-range.js'
import { IMAGE_NAME } from './list-images.js'

export interface ListedFile {
  /** To open it: a path or a URL. */
  path: string
  /** As the list has it. */
  name: string
  label: string | null
}

/**
 * The files that a text file lists, one a line: a path (from the folder of the list) or URL of an image and, after a tab or spaces, a
 * label. Empty lines and those that begin with # are skipped.
 *
 * @throws DatasetError naming the line
 */
export function parseList(list: string, text: string): ListedFile[] {
  const files: ListedFile[] = []
  for (const [i, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, tabbed, word] = /^\s*(.*?)\s*\t\s*(.*?)\s*$/.exec(line) ?? []
    const [, spaced, last] = /^\s*(.+?) +(\S+)\s*$/.exec(line) ?? []
    // a name may hold spaces: the last word is a label only behind the name of an image
    const [name, label] =
      tabbed !== undefined
        ? [tabbed, word || null]
        : spaced !== undefined && isImage(spaced)
          ? [spaced, last!]
          : [line.trim(), null]
    if (!isImage(name) || name.includes('\0'))
      throw new DatasetError(
        isUrl(list) ? shownUrl(list) : list,
        `line ${i + 1}: expected the path of an image and perhaps a label, got ${JSON.stringify(line.slice(0, 80))}`,
      )
    files.push({ path: resolve(list, name), name, label })
  }
  return files
}

function isImage(name: string): boolean {
  return IMAGE_NAME.test(isUrl(name) && URL.canParse(name) ? new URL(name).pathname : name)
}

function resolve(list: string, name: string): string {
  if (isUrl(name)) return name
  if (isUrl(list)) return new URL(name.split('/').map(encodeURIComponent).join('/'), list).href
  return isAbsolute(name) ? name : join(dirname(list), name)
}
