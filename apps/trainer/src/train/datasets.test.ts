import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stream } from '@dino/random'
import { readSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// The built command on every kind of data set, as a person runs it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const small = '--embed-dim 24 --depth 1 --num-heads 2 --out-dim 32 --head-hidden-dim 32 --head-bottleneck-dim 16'
const quick = `${small} --recipe demo --log-freq 1 --num-workers 1 --threads 1 --batch-size 6 --epochs 2 --warmup-epochs 1 --knn-freq 0`

let folder: string
let names: string[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-data-'))
  for (const label of ['blue', 'red']) {
    mkdirSync(join(folder, 'photos', label), { recursive: true })
    for (let i = 0; i < 12; i++) await photo(join(folder, 'photos', label, `${i}.jpg`), i + (label === 'red' ? 100 : 0))
  }
  names = (readdirSync(join(folder, 'photos'), { recursive: true }) as string[])
    .filter((name) => name.endsWith('.jpg'))
    .sort()
  tar('all.tar', names)
  tar('part-0.tar', names.slice(0, 10))
  tar('part-1.tar', names.slice(10))
  writeFileSync(join(folder, 'list.txt'), names.map((name) => `photos/${name}\t${name.split('/')[0]}\n`).join(''))
})
afterAll(() => rmSync(folder, { recursive: true }))

function dino(line: string) {
  return spawnSync(process.execPath, [cli, ...line.split(' ')], { cwd: folder, encoding: 'utf8' })
}

test('a run on a tar file, stopped and gone on with, equals one on the folder that it was made of, bit for bit', async () => {
  expect(dino(`train --data photos ${quick} --output-dir whole`).status).toBe(0)
  const first = dino(`train --data all.tar ${quick} --output-dir parts --max-steps 3`)
  expect(first.stderr).toContain('24 images (2 classes, used for evaluation only) in all.tar')
  const second = dino('train --resume --output-dir parts')
  expect([first.status, second.status]).toEqual([0, 0])
  expect(losses('parts')).toEqual(losses('whole'))
  expect((await checkpoint('parts')).tensors).toEqual((await checkpoint('whole')).tensors)
})

test('Google Landmarks, whose images lie in folders of folders, is a source, with its train.csv or without', () => {
  for (const [i, name] of names.entries()) {
    const id = i.toString(16).padStart(16, '0')
    const nested = join(folder, 'landmarks', 'train', ...[...id.slice(-3)].reverse())
    mkdirSync(nested, { recursive: true })
    copyFileSync(join(folder, 'photos', name), join(nested, `${id}.jpg`))
  }
  const first = dino(`train --data landmarks ${quick} --output-dir landmarks-run --max-steps 2`)
  expect(first.stderr).toContain('24 images (no labels) in landmarks')
  writeFileSync(join(folder, 'landmarks', 'train.csv'), 'id,url,landmark_id\n')
  const second = dino('train --resume --output-dir landmarks-run')
  expect(second.stderr).toContain('Done: step 8 of 8')
  expect([first.status, second.status]).toEqual([0, 0])
})

test('shards, lists and URLs give the same first steps', async () => {
  const all = losses('whole').slice(0, 1)
  const server = createServer(({ url, headers }, response) => {
    const file = readFileSync(join(folder, url!))
    const [, from, to] = /(\d+)-(\d+)/.exec(headers.range!)!.map(Number) as [number, number, number]
    const end = Math.min(to + 1, file.length)
    response
      .writeHead(206, { 'content-range': `bytes ${from}-${end - 1}/${file.length}` })
      .end(file.subarray(from, end))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const [i, data] of ['part-{0..1}.tar', 'list.txt', `${host}/part-{0..1}.tar`].entries()) {
    const line = `train --data ${data} ${quick} --output-dir first${i} --max-steps 1`
    const child = spawn(process.execPath, [cli, ...line.split(' ')], { cwd: folder, stdio: 'ignore' })
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0)
    expect(losses(`first${i}`)).toEqual(all)
  }
  server.closeAllConnections()
  server.close()
})

test('k-NN takes two sources that differ in a word, extract a glob of archives', async () => {
  for (const part of ['train', 'val']) copyFileSync(join(folder, 'all.tar'), join(folder, `in-${part}.tar`))
  const knn = dino('eval knn whole --data in-{split}.tar --k 1 --json')
  expect(JSON.parse(knn.stdout)).toMatchObject({ train: 24, val: 24, knn: { 1: { top1: 100 } } })
  const { stdout } = dino('extract whole --data part-*.tar --output features.safetensors --json')
  expect(JSON.parse(stdout)).toMatchObject({ rows: 24, leftOut: 0 })
  const { metadata } = await readSafetensors(join(folder, 'features.safetensors'))
  expect(JSON.parse(metadata.files!)[0]).toBe('part-0.tar#blue/0.jpg')
})

test('an image that was set aside stays out when it comes back, so that the run goes on as if it had not', async () => {
  const damaged = join(folder, 'photos/red/5.jpg')
  const whole = readFileSync(damaged)
  writeFileSync(damaged, whole.subarray(0, 300))
  dino(`train --data photos ${quick} --output-dir lacking`)
  dino(`train --data photos ${quick} --output-dir mended --max-steps 4`)
  expect((await checkpoint('mended')).progress.setAside).toEqual([
    [names.indexOf('red/5.jpg'), expect.stringMatching(/premature end|corrupt/)],
  ])
  writeFileSync(damaged, whole)
  const { stderr } = dino('train --resume --output-dir mended')
  expect(stderr).not.toContain('Set aside')
  expect(losses('mended')).toEqual(losses('lacking'))
})

test.each([
  ['cut.tar', /--data: cut\.tar: it is cut short/],
  ['gone-{0..3}.tar', /--data: gone-0\.tar: no such file/],
])('%s is refused as bad usage, in one line', (data, reason) => {
  writeFileSync(join(folder, 'cut.tar'), readFileSync(join(folder, 'all.tar')).subarray(0, 3000))
  const { status, stderr } = dino(`train --data ${data} ${quick} --output-dir never`)
  expect(stderr).toMatch(reason)
  expect([status, stderr.trim().split('\n').length]).toEqual([2, 1])
})

function losses(run: string): number[] {
  const lines = readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => JSON.parse(line).loss).filter((loss) => loss !== undefined)
}

async function checkpoint(run: string) {
  const { tensors, metadata } = await readSafetensors(join(folder, run, 'checkpoint.safetensors'))
  return { tensors, progress: JSON.parse(metadata.progress!) }
}

function tar(name: string, files: string[]): void {
  const { status } = spawnSync('tar', ['--format=ustar', '-cf', join('..', name), ...files], {
    cwd: join(folder, 'photos'),
  })
  expect(status).toBe(0)
}

async function photo(path: string, number: number): Promise<void> {
  const [width, height] = [48 + 4 * (number % 4), 40 + 6 * (number % 3)]
  const draws = stream(5, 'photo', number)
  const colour = [0, 1, 2].map(() => draws.uniform(30, 220))
  const data = Uint8Array.from({ length: width * height * 3 }, (_, p) => colour[p % 3]! + draws.uniform(-25, 25))
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path)
}
