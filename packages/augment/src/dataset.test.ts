import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Files, type Lie, tarHeader, tarOf, zipOf } from './archives-for-tests.js'
import { readSource } from './file-part.js'
import { type Dataset, DatasetError, openDataset, sampleName } from './node.js'
import { unprivileged } from './unprivileged-for-tests.js'
import { slowCrc32, unpackEntry } from './zip-entry.js'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'augment-'))
})
afterEach(() => rmSync(root, { recursive: true }))

function put(name: string, content: Uint8Array | string): string {
  const path = join(root, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

const refusal = (source: string): Promise<DatasetError> =>
  openDataset(source).then(
    () => expect.fail(`${source} was opened`),
    (error) => {
      expect(error).toBeInstanceOf(DatasetError)
      expect(error.message).toBe(`openDataset: ${error.path}: ${error.reason}`)
      expect(error.reason).not.toContain('\n')
      return error
    },
  )

function sourceOf(dataset: Dataset, index: number) {
  const sample = dataset.sample(index)
  return 'part' in sample ? sample.part : sample.path
}

async function contents(dataset: Dataset): Promise<[string, string][]> {
  const all: [string, string][] = []
  for (const [i, name] of dataset.names.entries()) {
    const bytes = await readSource(sourceOf(dataset, i))
    all.push([name, Buffer.from(bytes).toString()])
  }
  return all
}

describe('an archive that Python wrote is read by offset', () => {
  interface ArchiveCase {
    name: string
    kind: 'tar' | 'zip'
    files: Record<string, string>
    gzip: string
  }
  const { cases } = JSON.parse(readFileSync(new URL('./archive-cases.json', import.meta.url), 'utf8'))
  test.each(cases as ArchiveCase[])('$kind: $name', async ({ kind, files, gzip }) => {
    const path = put(`data.${kind}`, gunzipSync(Buffer.from(gzip, 'base64')))
    const dataset = await openDataset(path)
    expect(dataset.names).toEqual(Object.keys(files).map((name) => `data.${kind}#${name}`))
    for (const [i, sha256] of Object.values(files).entries()) {
      const bytes = await readSource(structuredClone(sourceOf(dataset, i)))
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256)
    }
  })
})

describe('what a data set is', () => {
  const files: Files = [
    ['ant/1.jpg', 'one'],
    ['bee/2.PNG', 'two'],
    ['bee/notes.md', 'no image'],
    ['bee/._3.jpg', 'hidden'],
    ['loose.webp', 'three'],
  ]

  test('a folder, a tar and a zip file of it hold the same images with the same labels', async () => {
    for (const [name, content] of files) put(`photos/${name}`, content)
    const sources = [
      join(root, 'photos'),
      put('photos.tar', tarOf(files)),
      put('photos.zip', zipOf(files)),
      put('small.zip', zipOf(files, { deflate: true })),
    ]
    for (const source of sources) {
      const dataset = await openDataset(source)
      expect(dataset.count).toBe(3)
      expect(dataset.classes).toEqual(['ant', 'bee'])
      expect(dataset.labels).toEqual(Int32Array.of(0, 1, -1))
      expect((await contents(dataset)).map(([name, text]) => [name.split('#').at(-1), text])).toEqual([
        ['ant/1.jpg', 'one'],
        ['bee/2.PNG', 'two'],
        ['loose.webp', 'three'],
      ])
    }
  })

  test('shards by range or glob are one data set, in the order of their names', async () => {
    for (let i = 0; i < 12; i++)
      put(`shards/part-${String(i).padStart(3, '0')}.tar`, tarOf([[`${i}.jpg`, `image ${i}`]]))
    put('shards/readme.txt', 'words')
    const range = await openDataset(join(root, 'shards/part-{000..011}.tar'))
    expect(range.names.slice(9)).toEqual(['part-009.tar#9.jpg', 'part-010.tar#10.jpg', 'part-011.tar#11.jpg'])
    expect(range.labels).toBeUndefined()
    const glob = await openDataset(join(root, 'shards/*.tar'))
    expect(glob.digest).toBe(range.digest)
    expect(await contents(glob)).toEqual(await contents(range))
    expect((await openDataset(join(root, 'shards/part-{000..010}.tar'))).digest).not.toBe(range.digest)
    expect(sampleName(glob.sample(3))).toBe(`${join(root, 'shards/part-003.tar')}#3.jpg`)
  })

  test('in a WebDataset members with the same key are one sample, labelled by .cls or .json', async () => {
    const shard: Files = [
      ['a/0001.seg.png', 'mask'],
      ['a/0001.jpg', 'first'],
      ['a/0001.cls', '10\n'],
      ['a/0002.JPEG', 'second'],
      ['a/0002.json', '{"label": 9}'],
      ['a/0003.jpg', 'third'],
      ['a/0003.json', '{"width": 5}'],
      ['b/0003.txt', 'a caption without an image'],
    ]
    for (const path of [put('w.tar', tarOf(shard)), put('w.zip', zipOf(shard, { deflate: true }))]) {
      const dataset = await openDataset(path)
      expect((await contents(dataset)).map(([, text]) => text)).toEqual(['first', 'second', 'third'])
      expect(dataset.classes).toEqual(['9', '10'])
      expect(dataset.labels).toEqual(Int32Array.of(1, 0, -1))
    }
  })

  test('points in names divide no images that have no label beside them', async () => {
    const path = put(
      'p.tar',
      tarOf([
        ['photo.1.jpg', 'one'],
        ['photo.2.jpg', 'two'],
      ]),
    )
    expect((await openDataset(path)).count).toBe(2)
  })

  test('a list: paths from its own folder, labels after a tab or as the last word', async () => {
    put('photos/a b.jpg', 'one')
    put('photos/c.png', 'two')
    const absolute = put('elsewhere/d.gif', 'three')
    const list = put(
      'lists/all.txt',
      `\ufeff# comment\n\n../photos/a b.jpg\tbig cat\r\n../photos/c.png 7\n${absolute}\n../photos/a b.jpg\n`,
    )
    const dataset = await openDataset(list)
    expect((await contents(dataset)).map(([, text]) => text)).toEqual(['one', 'two', 'three', 'one'])
    expect(dataset.classes).toEqual(['7', 'big cat'])
    expect(dataset.labels).toEqual(Int32Array.of(1, 0, -1, -1))
  })

  test('names that climb are only names', async () => {
    const secret = put('secret.jpg', 'secret')
    const evil: Files = [
      ['../secret.jpg', 'in the archive'],
      [secret, 'this too'],
    ]
    for (const path of [put('x/evil.tar', tarOf(evil)), put('x/evil.zip', zipOf(evil))])
      expect((await contents(await openDataset(path))).map(([, text]) => text)).toEqual(['in the archive', 'this too'])
  })

  test('indices are kept in the cache, and made anew when the archive changes', async () => {
    const cache = join(root, 'cache')
    const path = put('c.tar', tarOf([['1.jpg', 'one']]))
    const first = await openDataset(path, { cache })
    expect((await openDataset(path, { cache })).sample(0)).toEqual(first.sample(0))
    put(
      'c.tar',
      tarOf([
        ['1.jpg', 'one'],
        ['2.jpg', 'two'],
      ]),
    )
    const more: number[][] = []
    const again = await openDataset(path, { cache, onProgress: (...of) => more.push(of) })
    expect([again.count, more]).toEqual([2, [[1, 1]]])
  })
})

describe('refused, naming file and reason', () => {
  const tar = tarOf([
    ['1.jpg', 'x'.repeat(700)],
    ['2.jpg', 'y'],
  ])
  const cases: [string, string, Uint8Array | string, RegExp][] = [
    ['an empty tar file', 'e.tar', '', /it is empty/],
    ['words named .tar', 't.tar', 'hello '.repeat(200), /not a tar file/],
    ['a compressed tar file', 'z.tar.gz', 'x', /compressed tar file has no places/],
    ['one that hides it', 'z.tar', Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(600)]), /compressed tar/],
    [
      'a shard cut short in an image',
      'c.tar',
      tar.subarray(0, 800),
      /cut short: 1\.jpg ends at byte 1212, the file has 800/,
    ],
    ['a shard cut short between images', 'c.tar', tar.subarray(0, 1536), /next header would be at byte 1536/],
    ['a damaged header', 'd.tar', Buffer.from(tar).fill(7, 1540, 1550), /no tar header at byte 1536/],
    [
      'a long name of gigabytes',
      'l.tar',
      Buffer.concat([tarHeader('x', '77777777777', 'L'), tar]),
      /header of 8589934591 bytes/,
    ],
    ['a size that is none', 's.tar', Buffer.concat([tarHeader('x.jpg', '12ab'), tar]), /size that is none at byte 0/],
    [
      'a size beyond the file',
      'b.tar',
      Buffer.concat([tarHeader('x.jpg', '77777777777'), tar]),
      /x\.jpg ends at byte 8589935103/,
    ],
    ['a sparse member', 'sp.tar', Buffer.concat([tarHeader('x.jpg', 0, 'S'), tar]), /x\.jpg is stored sparsely/],
    ['a tar file without images', 'n.tar', tarOf([['a.txt', '']]), /there are no images in it/],
    ['an empty zip file', 'e.zip', '', /it is empty/],
    ['words named .zip', 't.zip', 'hello '.repeat(200), /no directory at its end/],
    ['a zip file cut short', 'c.zip', zipOf([['1.jpg', 'abc']]).subarray(0, -30), /no directory at its end/],
    ['an unknown archive', 'a.7z', 'x', /expected a tar or zip file/],
    ['a list that is none', 'l.txt', 'a.jpg\nfoo bar\n', /line 2: expected the path of an image/],
    ['an empty list', 'm.txt', '# nothing\n', /there are no images in it/],
    ['one image', 'i.jpg', 'x', /it is one image\. Give its folder/],
    ['another file', 'o.dat', 'x', /expected a folder, a \.tar or \.zip file, or a list/],
  ]
  test.each(cases)('%s', async (_, name, content, reason) => {
    const path = put(name, content)
    const error = await refusal(path)
    expect(error.path).toBe(path)
    expect(error.reason).toMatch(reason)
  })

  const lies: [string, Lie, RegExp][] = [
    ['an offset outside', { offset: 5000 }, /b\.jpg would end outside of the data/],
    ['a packed size beyond the data', { packed: 4000, size: 4000 }, /b\.jpg would end outside of the data/],
    ['overlapping entries', { offset: 10 }, /a\.jpg and b\.jpg overlap/],
    ['another size', { size: 2 ** 31 }, /lies about the size of b\.jpg: 2147483648 bytes/],
    ['zip64 without its fields', { size: 0xffffffff }, /lies about the size of b\.jpg/],
    ['an encrypted entry', { flags: 1 }, /b\.jpg is encrypted/],
    ['another method', { method: 12 }, /b\.jpg is packed by method 12/],
  ]
  test.each(lies)('a zip directory with %s', async (_, lie, reason) => {
    const files: Files = [
      ['a.jpg', 'first'],
      ['b.jpg', 'second, longer'],
    ]
    for (const deflate of [false, true]) {
      const error = await refusal(put('lie.zip', zipOf(files, { deflate, lies: { 'b.jpg': lie } })))
      expect(error.reason).toMatch(reason)
    }
  })

  test.each([3, 1, 60_000])('a zip directory that counts %i of 2 entries', async (count) => {
    const path = put(
      'n.zip',
      zipOf(
        [
          ['a.jpg', 'a'],
          ['b.jpg', 'b'],
        ],
        { count },
      ),
    )
    expect((await refusal(path)).reason).toMatch(/directory lies/)
  })

  test.each<[string, Lie, RegExp]>([
    ['checksum', { crc: 5 }, /its checksum is wrong/],
    ['size too small', { size: 3 }, /more than the 3 bytes/],
    ['size too large', { size: 300 }, /unpacks to 64 bytes, the directory of the zip file says 300/],
    ['packed size too small', { packed: 5 }, /cannot be unpacked/],
  ])('an entry whose %s is a lie fails alone, when it is read', async (_, lie, reason) => {
    const text = Array.from({ length: 64 }, (_, i) => String.fromCharCode(33 + ((i * i) % 90))).join('')
    const path = put(
      'x.zip',
      zipOf(
        [
          ['a.jpg', text],
          ['b.jpg', text],
        ],
        { deflate: true, lies: { 'a.jpg': lie } },
      ),
    )
    const dataset = await openDataset(path)
    await expect(readSource(sourceOf(dataset, 0))).rejects.toThrow(reason)
    expect(Buffer.from(await readSource(sourceOf(dataset, 1))).toString()).toBe(text)
  })

  test('what is missing: file, folder, shard, glob', async () => {
    put('s-0.tar', tarOf([['1.jpg', 'x']]))
    expect((await refusal(join(root, 'none.tar'))).reason).toBe('no such file')
    expect(await refusal(join(root, 's-{0..2}.tar'))).toMatchObject({
      path: join(root, 's-1.tar'),
      reason: 'no such file',
    })
    expect((await refusal(join(root, 'x-*.tar'))).reason).toBe('no file matches')
    expect((await refusal(join(root, 'none'))).reason).toMatch(/there is no .*none/)
    expect((await refusal(join(root, 's-{2..1}.tar'))).reason).toMatch(/rising range/)
    expect((await refusal(root)).reason).toMatch(/it holds archives\. Give them by a glob/)
  })

  test('misspelt options', async () => {
    await expect(openDataset(root, { cahce: 'x' } as never)).rejects.toThrow("Did you mean 'cache'?")
    await expect(openDataset('')).rejects.toThrow('expected a path, glob or URL')
    const aborted = AbortSignal.abort(new Error('enough'))
    await expect(openDataset(root, { signal: aborted })).rejects.toThrow('enough')
  })

  test('an archive without the right to read it', async () => {
    const path = put('r.tar', tarOf([['1.jpg', 'x']]))
    chmodSync(dirname(path), 0o755)
    chmodSync(path, 0)
    expect((await unprivileged(() => refusal(path))).reason).toBe('no permission to read it')
  })
})

test('an archive that vanishes or is cut after it was indexed fails by sample, with its name', async () => {
  const path = put(
    'v.tar',
    tarOf([
      ['1.jpg', 'x'.repeat(700)],
      ['2.jpg', 'y'.repeat(700)],
    ]),
  )
  const dataset = await openDataset(path)
  truncateSync(path, 1300)
  expect((await readSource(sourceOf(dataset, 0))).length).toBe(700)
  await expect(readSource(sourceOf(dataset, 1))).rejects.toMatchObject({
    path: `${path}#2.jpg`,
    reason: 'it has 1300 bytes, 2748 were expected: it has been cut short',
  })
  rmSync(path)
  await expect(readSource(sourceOf(dataset, 0))).rejects.toMatchObject({
    path: `${path}#1.jpg`,
    reason: 'no such file',
  })
})

test('an entry that would unpack to gigabytes is refused before it is, and a label is not even looked at', async () => {
  const huge = new Uint8Array(2 ** 20 + 1)
  const bomb = zipOf(
    [
      ['a.jpg', huge],
      ['b.jpg', 'x'],
      ['b.cls', huge],
    ],
    { deflate: true },
  )
  const dataset = await openDataset(put('bomb.zip', bomb))
  expect([dataset.count, dataset.labels]).toEqual([2, undefined])
  const part = sourceOf(dataset, 0)
  if (typeof part === 'string') return expect.fail('not a part')
  const size = 2 ** 29 + 1
  await expect(readSource({ ...part, zip: { ...part.zip!, size } })).rejects.toThrow(`it has ${size} bytes, more than`)
  await expect(readSource({ ...part, length: size, zip: undefined })).rejects.toThrow(`it has ${size} bytes, more than`)
})

test('checksums without zlib.crc32 are the same', () => {
  expect(slowCrc32(Buffer.from('123456789'))).toBe(0xcbf43926) // the check value of CRC-32
  const [entry] = [zipOf([['a', 'data']])]
  const zip = { deflated: false, packed: 4, size: 4, crc: slowCrc32(Buffer.from('data')) }
  expect(Buffer.from(unpackEntry(entry!, zip)).toString()).toBe('data')
})
