import { statSync } from 'node:fs'
import { type Features, nearest } from '@dino/eval'
import { writeFileAtomic } from '@dino/weights/node'
import sharp from 'sharp'
import type { DedupeOptions } from '../commands/dedupe.js'
import { cachedFeatures, cacheFolder } from '../evaluate/feature-cache.js'
import { loadAnyBackbone } from '../inspect/backbone.js'
import { type FeatureTable, openFeatures } from '../inspect/features.js'
import { counter } from '../report/counter.js'
import { bytes } from '../report/format.js'
import { Failure, type TrainIO } from '../report/io.js'
import { imagesOf } from '../train/images.js'
import { localFiles, shownPath } from './local-files.js'
import { nearDuplicates } from './near-duplicates.js'
import { groupsPage } from './picture-page.js'

interface Member {
  file: string
  width: number
  height: number
  bytes: number
  /** With the one to keep. */
  cosine: number
}

/** `dino dedupe`: groups of images that are nearly the same, the largest of each first. Nothing is deleted. */
export async function runDedupe(options: DedupeOptions, io: TrainIO): Promise<number> {
  const { folder, threshold } = options
  const images = await imagesOf(folder, io)
  const files = localFiles(folder, images)
  const backbone = await loadAnyBackbone(options.checkpoint, options.network)
  const size = options.imageSize ?? backbone.imageSize
  const { session, embed } = await openFeatures(backbone, { engine: options.engine, size, io })
  let table: FeatureTable
  let found: number[][]
  try {
    table = await cachedFeatures(
      images,
      {
        backbone,
        layers: 'cls',
        what: 'features',
        folder: cacheFolder(backbone, options.cacheDir),
        embed,
        size,
        background: backbone.background,
        indices: [...Array(images.count).keys()],
      },
      io,
    )
    if (table.rows === 0) throw new Failure(`None of the ${images.count} images in ${folder} can be read.`)
    const count = counter(io, 'compared')
    found = await nearDuplicates(session, table, threshold, { signal: io.signal, onProgress: count.update })
    count.stop()
  } finally {
    await session.close()
  }
  const groups: Member[][] = []
  for (const rows of found) {
    const members = await Promise.all(
      rows.map(async (row) => ({
        row,
        file: files[table.indices[row]!]!,
        ...(await sizeOf(files[table.indices[row]!]!)),
      })),
    )
    // Array.sort is stable: of equals the first by name stays first.
    members.sort((a, b) => b.width * b.height - a.width * a.height || b.bytes - a.bytes)
    groups.push(members.map(({ row, ...rest }) => ({ ...rest, cosine: cosine(table, members[0]!.row, row) })))
  }
  const copies = groups.reduce((sum, group) => sum + group.length - 1, 0)
  if (options.html) {
    const sections = groups.map(([keep, ...others], i) => ({
      title: `Group ${i + 1}`,
      pictures: [
        { file: keep!.file, caption: `keep: ${described(keep!)}` },
        ...others.map((member) => ({
          file: member.file,
          caption: `${member.cosine.toFixed(3)}: ${described(member)}`,
        })),
      ],
    }))
    await writeFileAtomic(options.html, await groupsPage(`${copies} near-duplicates in ${folder}`, sections))
    io.stderr.write(`Page: ${options.html}\n`)
  }
  if (options.json) {
    const result = {
      folder,
      checkpoint: backbone.path,
      threshold,
      images: table.rows,
      leftOut: table.setAside.size,
      copies,
    }
    const shown = groups.map(([keep, ...others]) => ({ keep, others }))
    io.stdout.write(`${JSON.stringify({ ...result, groups: shown })}\n`)
    return 0
  }
  for (const [keep, ...others] of groups) {
    io.stdout.write(`keep    ${shownPath(keep!.file)}  ${described(keep!)}\n`)
    for (const member of others) {
      io.stdout.write(`  ${member.cosine.toFixed(3)} ${shownPath(member.file)}  ${described(member)}\n`)
    }
  }
  io.stdout.write(
    `${copies} near-duplicates in ${groups.length} groups, of ${table.rows} images (cosine at least ${threshold}). Nothing was deleted.\n`,
  )
  return 0
}

async function sizeOf(file: string): Promise<Pick<Member, 'width' | 'height' | 'bytes'>> {
  const { width, height } = await sharp(file).metadata()
  return { width, height, bytes: statSync(file).size }
}

function cosine({ data, dim }: Features, a: number, b: number): number {
  const row = (i: number): Features => ({ data: data.subarray(i * dim, (i + 1) * dim), rows: 1, dim })
  return nearest(row(a), row(b), 1).similarities[0]!
}

function described({ width, height, bytes: size }: Member): string {
  return `${width}x${height}, ${bytes(size)}`
}
