import sharp from 'sharp'
import { escapeHtml } from '../demo/html.js'
import { STYLE } from '../demo/page-style.js'

/** Pictures that belong together. */
export interface PictureGroup {
  title: string
  pictures: readonly { file: string; caption: string }[]
}

/** Pixels of the longer side of a thumbnail. */
const SIDE = 200

/** A page that needs no other file: groups of pictures with their captions, the first of each group framed. */
export async function groupsPage(title: string, groups: readonly PictureGroup[]): Promise<string> {
  const seen = new Map<string, Promise<string>>()
  const source = (file: string) => {
    if (!seen.has(file)) seen.set(file, thumbnail(file))
    return seen.get(file)!
  }
  const sections: string[] = []
  for (const group of groups) {
    const figures: string[] = []
    for (const { file, caption } of group.pictures) {
      const name = escapeHtml(file)
      figures.push(
        `<figure><img src="${await source(file)}" alt="${name}" title="${name}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`,
      )
    }
    sections.push(`<section><h3>${escapeHtml(group.title)}</h3><div class="row">${figures.join('')}</div></section>`)
  }
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}
.row { display: flex; flex-wrap: wrap; gap: 12px }
figure { margin: 0; max-width: ${SIDE}px }
figure img { display: block; max-width: 100%; border-radius: 8px }
figure:first-child img { outline: 3px solid var(--strong) }
figcaption { color: var(--soft); font-size: 14px }
section { margin-top: 32px; overflow-wrap: anywhere }
</style>
<main><h1>${escapeHtml(title)}</h1>
${sections.join('\n')}
</main>
</html>
`
}

/** A small JPEG in a URL; an empty picture for a file that is gone or damaged by now. */
async function thumbnail(file: string): Promise<string> {
  try {
    const bytes = await sharp(file, { limitInputPixels: 178_956_970 })
      .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#fff' })
      .jpeg({ quality: 80 })
      .toBuffer()
    return `data:image/jpeg;base64,${bytes.toString('base64')}`
  } catch {
    return 'data:,'
  }
}
