import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { tarOf, zipOf } from './archives-for-tests.js'
import { DatasetError, DecodeError, decode, openDataset } from './node.js'

interface FileCase {
  name: string
  kind?: string
  file?: string
  gzip?: string
}

const casesOf = (json: string) =>
  (JSON.parse(readFileSync(new URL(json, import.meta.url), 'utf8')) as { cases: FileCase[] }).cases
const images = casesOf('./decode-cases.json').map(({ name, file }) => ({ name, data: Buffer.from(file!, 'base64') }))

/** Bytes of it changed, a piece taken out or doubled, and its end cut off. */
interface Damage {
  changes: [at: number, value: number][]
  cut: number | null
  piece: [at: number, length: number, doubled: boolean] | null
}

const damage: fc.Arbitrary<Damage> = fc.record({
  changes: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
  cut: fc.option(fc.nat()),
  piece: fc.option(fc.tuple(fc.nat(), fc.nat(600), fc.boolean())),
})

function damaged(file: Uint8Array, { changes, cut, piece }: Damage): Uint8Array {
  let bytes = Buffer.from(file)
  if (piece) {
    const at = piece[0] % (bytes.length + 1)
    const end = Math.min(at + piece[1], bytes.length)
    bytes = Buffer.concat([bytes.subarray(0, piece[2] ? end : at), bytes.subarray(piece[2] ? at : end)])
  }
  if (cut !== null) bytes = bytes.subarray(0, cut % (bytes.length + 1))
  for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
  return bytes
}

/** Damaged archives and lists: what can be opened is read to its end, and all that is thrown is typed. */
export async function fuzzDatasets(numRuns: number): Promise<void> {
  const few = images.slice(0, 4).map(({ data }, i) => [`${i % 2}/${i}.jpg`, data] as const)
  const labelled = few.flatMap(([name, data], i) => [
    [name, data] as const,
    [name.replace('jpg', 'cls'), `${i}`] as const,
  ])
  const sources = [
    ...casesOf('./archive-cases.json').map(({ kind, gzip }) => ({
      kind,
      file: gunzipSync(Buffer.from(gzip!, 'base64')),
    })),
    { kind: 'tar', file: tarOf(labelled) },
    { kind: 'zip', file: zipOf(few) },
    { kind: 'zip', file: zipOf(labelled, { deflate: true }) },
    { kind: 'txt', file: Buffer.from('a/1.jpg\tcat\nb/2.png 7\n# x\n/tmp/none.webp\n') },
  ]
  const folder = mkdtempSync(join(tmpdir(), 'augment-'))
  const run = async (source: (typeof sources)[number], harm: Damage) => {
    const path = join(folder, `f.${source.kind}`)
    writeFileSync(path, damaged(source.file, harm))
    const dataset = await openDataset(path).catch(typed)
    for (let i = 0; i < (dataset?.count ?? 0); i++) {
      const sample = dataset!.sample(i)
      await decode('part' in sample ? sample.part : sample.path, { maxPixels: 1e6 }).catch(typed)
    }
  }
  try {
    await fc.assert(fc.asyncProperty(fc.constantFrom(...sources), damage, run), { numRuns })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Damaged images: an image or an error that is typed. */
export async function fuzzDecode(numRuns: number): Promise<void> {
  const run = async ({ data }: (typeof images)[number], harm: Damage) => {
    const image = await decode(damaged(data, harm), { maxPixels: 1e6 }).catch(typed)
    if (image && image.data.length !== image.width * image.height * 3) throw new Error('a wrong number of pixels')
  }
  await fc.assert(fc.asyncProperty(fc.constantFrom(...images), damage, run), { numRuns })
}

function typed(error: unknown): undefined {
  if (!(error instanceof DatasetError || error instanceof DecodeError)) throw error
  if (!error.path || !error.reason || error.reason.includes('\n')) throw new Error(`not told well: ${error.message}`)
}
