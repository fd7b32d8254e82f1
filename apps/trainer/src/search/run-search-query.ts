import { existsSync } from 'node:fs'
import { evalTransform } from '@dino/augment'
import { DecodeError, decode } from '@dino/augment/node'
import { type Features, nearest } from '@dino/eval'
import { writeFileAtomic } from '@dino/weights/node'
import type { SearchQueryOptions } from '../commands/search.js'
import { type AnyBackbone, loadAnyBackbone } from '../inspect/backbone.js'
import { weightsDigest } from '../inspect/digest.js'
import { openFeatures } from '../inspect/features.js'
import { Failure, type TrainIO } from '../report/io.js'
import { table } from '../report/table.js'
import { shownPath } from './local-files.js'
import { graphPath, nearestByGraph } from './neighbour-graph.js'
import { groupsPage } from './picture-page.js'
import { readIndex, type SearchIndex } from './search-index.js'

/** What a query finds, the most similar first. */
export interface QueryResult {
  query: string
  matches: { file: string; cosine: number }[]
}

/** `dino search query`: the images of an index that look most like some others. */
export async function runSearchQuery(options: SearchQueryOptions, io: TrainIO): Promise<number> {
  const [folder, ...queries] = options.paths as [string, ...string[]]
  const index = await readIndex(folder)
  if (!index) throw new Failure(`${folder} is no search index. Build one: dino search build FOLDER ${folder}.`, 2)
  if (index.features.rows === 0) throw new Failure(`${folder} holds no images.`)
  const checkpoint = options.checkpoint ?? index.checkpoint
  if (!existsSync(checkpoint)) {
    throw new Failure(`${checkpoint}, which made ${folder}, is not there. Say where it is with --checkpoint.`, 2)
  }
  const backbone = await loadAnyBackbone(checkpoint, index.settings.network)
  if (weightsDigest(backbone.tensors) !== index.settings.weights) {
    throw new Failure(`${backbone.path} is not the network that made ${folder}: their features do not compare.`, 2)
  }
  const features = await featuresOf(queries, backbone, index, options.engine, io)
  const approximate = !options.exact && existsSync(graphPath(folder, index))
  const { k, indices, similarities } = approximate
    ? nearestByGraph(folder, index, features, options.k)
    : nearest(features, index.features, options.k)
  const results = queries.map((query, q): QueryResult => {
    const rows = Array.from({ length: k }, (_, j) => q * k + j)
    return { query, matches: rows.map((at) => ({ file: index.files[indices[at]!]!, cosine: similarities[at]! })) }
  })
  if (options.html) {
    const groups = results.map(({ query, matches }) => ({
      title: query,
      pictures: [
        { file: query, caption: 'query' },
        ...matches.map(({ file, cosine }) => ({ file, caption: cosine.toFixed(3) })),
      ],
    }))
    await writeFileAtomic(options.html, await groupsPage(`Search in ${folder}`, groups))
    io.stderr.write(`Page: ${options.html}\n`)
  }
  if (options.json) io.stdout.write(`${JSON.stringify({ index: folder, approximate, results })}\n`)
  else for (const result of results) io.stdout.write(`${printed(result, queries.length > 1)}\n`)
  return 0
}

async function featuresOf(
  paths: readonly string[],
  backbone: AnyBackbone,
  { settings: { imageSize: size } }: SearchIndex,
  engine: string,
  io: TrainIO,
): Promise<Features> {
  const pixels = new Uint8Array(paths.length * size * size * 3)
  for (const [i, path] of paths.entries()) {
    const image = await decode(path, { background: backbone.background }).catch((error: unknown) => {
      throw error instanceof DecodeError ? new Failure(`${path}: ${error.reason}.`, 2) : error
    })
    pixels.set(evalTransform(image, { resize: Math.round((size * 256) / 224), crop: size }).data, i * size * size * 3)
  }
  const { session, embed } = await openFeatures(backbone, { engine, size, batch: Math.min(32, paths.length), io })
  try {
    return { data: await embed(pixels), rows: paths.length, dim: embed.width }
  } finally {
    await session.close()
  }
}

function printed({ query, matches }: QueryResult, titled: boolean): string {
  const rows = matches.map(({ file, cosine }) => [cosine.toFixed(4), shownPath(file)])
  return `${titled ? `${query}\n` : ''}${table(['cosine', 'file'], rows)}`
}
