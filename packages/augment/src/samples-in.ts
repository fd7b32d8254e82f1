import { IMAGE_NAME } from './list-images.js'

/** What a tar or zip file holds, by name alone. */
export interface Member {
  name: string
  offset: number
  length: number
  zip?: { size: number }
}

/** Members of a WebDataset that say what its image shows. */
export const LABEL_NAME = /\.(cls|json)$/i
const MAX_LABEL_BYTES = 2 ** 20

export interface PackedImage<M> {
  /** Without a leading './'. */
  name: string
  member: M
  /** Of a WebDataset: the member with the label. */
  labelled?: M
}

/** Whether a member can be an image or its label: not a hidden file, such as macOS adds. */
export function isWanted(name: string): boolean {
  return (IMAGE_NAME.test(name) || LABEL_NAME.test(name)) && !isHidden(name)
}

/**
 * The images among the members of an archive, in its order.
 *
 * Where an image has a neighbour with its key and the ending .cls or .json, it is a WebDataset: what has the same key (the name up to the
 * first point in its last part) is one sample, its image the first that is named by an ending alone. Else each image is a sample.
 */
export function imagesIn<M extends Member>(members: readonly M[]): PackedImage<M>[] {
  const images: PackedImage<M>[] = []
  for (let first = 0, end = 0; first < members.length; first = end) {
    const key = keyOf(members[first]!.name)
    while (end < members.length && keyOf(members[end]!.name) === key) end++
    const group = members.slice(first, end).filter(({ name }) => isWanted(name))
    const pictures = group.filter(({ name }) => IMAGE_NAME.test(name))
    const labels = group.filter(
      ({ name, length, zip }) => LABEL_NAME.test(name) && (zip?.size ?? length) <= MAX_LABEL_BYTES,
    )
    if (labels.length === 0) for (const member of pictures) images.push({ name: clean(member.name), member })
    else if (pictures.length > 0) {
      const member = pictures.find(({ name }) => !name.slice(key.length + 1).includes('.')) ?? pictures[0]!
      const labelled = labels.find(({ name }) => /\.cls$/i.test(name)) ?? labels[0]
      images.push({ name: clean(member.name), member, labelled })
    }
  }
  return images
}

/** The label in a .cls or .json member; null where there is none. */
export function labelIn(name: string, content: Uint8Array): string | null {
  const text = new TextDecoder().decode(content).trim()
  if (/\.cls$/i.test(name)) return text === '' ? null : text.split(/\s/, 1)[0]!
  try {
    const json = JSON.parse(text)
    const label = json?.label ?? json?.cls ?? json?.class
    return typeof label === 'string' || typeof label === 'number' ? String(label) : null
  } catch {
    return null
  }
}

function keyOf(name: string): string {
  const point = name.indexOf('.', name.lastIndexOf('/') + 1)
  return point < 0 ? name : name.slice(0, point)
}

function clean(name: string): string {
  return name.replace(/^(\.\/)+/, '')
}

function isHidden(name: string): boolean {
  return name.split('/').some((part) => (part.startsWith('.') && part !== '.' && part !== '..') || part === '__MACOSX')
}
