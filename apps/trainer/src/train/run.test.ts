import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stream } from '@dino/random'
import { readSafetensors, writeSafetensors } from '@dino/weights/node'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

// The built command on folders of files, as a person runs it.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const recipe = '--recipe demo --log-freq 1 --num-workers 1 --threads 1'
const quick = `${recipe} --batch-size 6 --epochs 2 --warmup-epochs 1`

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dino-run-'))
  for (const [label, hue] of [
    ['red', [220, 40, 30]],
    ['blue', [30, 60, 210]],
  ] as const) {
    mkdirSync(join(folder, 'photos', label), { recursive: true })
    for (let i = 0; i < 12; i++) await photo(join(folder, 'photos', label, `${i}.jpg`), hue, i)
  }
})

afterAll(() => rmSync(folder, { recursive: true }))

function dino(line: string) {
  return spawnSync(process.execPath, [cli, ...line.split(' ')], { cwd: folder, encoding: 'utf8' })
}

test('a folder of photos is trained on, with labels for k-NN alone, and its checkpoint can be used', async () => {
  const { status, stdout, stderr } = dino(`train --data photos ${quick} --output-dir run`)
  expect(stderr).toContain('24 images (2 classes, used for evaluation only)')
  expect(stderr).toContain('Done: step 8 of 8')
  expect(stderr).not.toContain(String.fromCharCode(27))
  expect([status, stdout]).toEqual([0, ''])

  const records = metrics('run')
  expect(records.filter(({ loss }) => loss !== undefined).map(({ iteration }) => iteration)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8,
  ])
  expect(records.filter(({ knn }) => knn !== undefined)).toHaveLength(2)
  const { tensors } = await readSafetensors(join(folder, 'run', 'checkpoint.safetensors'))
  expect(Object.keys(tensors)).toContain('teacher.backbone.blocks.0.attn.qkv.weight')

  mkdirSync(join(folder, 'split'))
  for (const part of ['train', 'val']) spawnSync('cp', ['-r', 'photos', `split/${part}`], { cwd: folder })
  // A class that training lacks is never right, and a picture without a class is none of its business.
  mkdirSync(join(folder, 'split/val/green'))
  await photo(join(folder, 'split/val/green/0.jpg'), [40, 200, 60], 0)
  await photo(join(folder, 'split/train/loose.jpg'), [40, 200, 60], 0)
  const knn = dino('eval knn run --data split --k 1 5 --json')
  expect(JSON.parse(knn.stdout)).toMatchObject({ network: 'teacher', train: 24, val: 25, knn: { 1: { top1: 96 } } })
  expect(existsSync(join(folder, 'run', 'knn.json'))).toBe(true)

  const extracted = dino('extract run --data photos --output features.safetensors --json')
  expect(JSON.parse(extracted.stdout)).toMatchObject({ rows: 24, dim: 96, leftOut: 0 })
  const features = await readSafetensors(join(folder, 'features.safetensors'))
  expect(features.tensors.features!.shape).toEqual([24, 96])
  expect(JSON.parse(features.metadata.files!)).toHaveLength(24)

  const looked = dino('attention photos/red/0.jpg --checkpoint run --output-dir looks --image-size 64 --json')
  const { images, heads } = JSON.parse(looked.stdout)
  const [{ files, rows, columns }] = images
  expect([rows, columns, heads]).toEqual([8, 8, 3])
  expect(files).toHaveLength(3 * (3 + 1))
  for (const file of files) expect(await sharp(join(folder, file)).metadata()).toMatchObject({ width: 64, height: 64 })
})

test('--dry-run tells what a run would take, and writes nothing', () => {
  const { status, stdout } = dino(`train --data photos ${quick} --output-dir dry --micro-batch 3 --dry-run --json`)
  const found = JSON.parse(stdout)
  expect(found).toMatchObject({
    images: 24,
    steps: 8,
    stepsPerEpoch: 4,
    tokens: { global: 17, local: 5, step: 6 * (2 * 17 + 4 * 5) },
    memory: { fits: true },
  })
  expect(found.totalSeconds).toBeCloseTo(8 * found.secondsPerStep, 6)
  expect(found.memory.bytes).toBeGreaterThan(found.measured[0].bytes)
  expect(found.flops).toBeGreaterThan(1e8)
  expect([status, existsSync(join(folder, 'dry'))]).toEqual([0, false])

  expect(dino('train --data photos --json')).toMatchObject({ status: 2, stdout: '' })
  const eager = dino('train --data photos --recipe demo --batch-size 6 --dry-run --engine eager')
  expect([eager.status, eager.stderr]).toEqual([2, expect.stringContaining('Leave --engine eager out')])
})

test('Ctrl-C saves, exits with 130, and the run goes on to the same end as one that was not stopped', async () => {
  dino(`train --data photos ${quick} --output-dir whole`)
  const child = spawn(process.execPath, [cli, ...`train --data photos ${quick} --output-dir parts`.split(' ')], {
    cwd: folder,
  })
  await said(child, /step +1\/8/)
  child.kill('SIGINT')
  expect(await exit(child)).toBe(130)
  expect(metrics('parts').length).toBeLessThan(metrics('whole').length)

  const { status, stderr } = dino('train --resume --output-dir parts')
  expect(stderr).toContain('going on after step')
  expect(status).toBe(0)
  const [whole, parts] = await Promise.all(
    ['whole', 'parts'].map((run) => readSafetensors(join(folder, run, 'checkpoint.safetensors'))),
  )
  expect(parts!.tensors).toEqual(whole!.tensors)
  const losses = (run: string) => metrics(run).flatMap(({ loss }) => (loss === undefined ? [] : [loss]))
  expect(losses('parts')).toEqual(losses('whole'))
})

test('a folder that holds another run is left alone', () => {
  dino(`train --data photos ${quick} --output-dir taken --max-steps 1`)
  const { status, stderr } = dino(`train --data photos ${quick} --output-dir taken --lr 0.1`)
  expect(stderr).toMatch(/taken holds another run \(--lr .* there, .* here\)/)
  expect(status).toBe(2)

  const more = dino('train --resume --output-dir taken') // a limit is of the call that stated it
  expect(more.stderr).toContain('Done: step 8 of 8')
  expect(more.status).toBe(0)
})

test('a folder in use, or with a checkpoint of something else, is left alone', () => {
  mkdirSync(join(folder, 'busy'))
  writeFileSync(join(folder, 'busy', '.lock'), String(process.pid))
  const busy = dino(`train --data photos ${quick} --output-dir busy`)
  expect(busy.stderr).toContain(`busy is in use by process ${process.pid}`)
  expect(busy.status).toBe(2)

  mkdirSync(join(folder, 'foreign'))
  writeFileSync(join(folder, 'foreign', 'checkpoint.safetensors'), 'precious')
  for (const command of [`train --data photos ${quick}`, 'demo --steps 1']) {
    expect(dino(`${command} --output-dir foreign`).status).toBeGreaterThan(0)
    expect(readFileSync(join(folder, 'foreign', 'checkpoint.safetensors'), 'utf8')).toBe('precious')
  }
})

test('unreadable images are set aside and named', async () => {
  mkdirSync(join(folder, 'damaged'))
  for (let i = 0; i < 8; i++) await photo(join(folder, 'damaged', `${i}.jpg`), [90, 90, 90], i)
  truncateSync(join(folder, 'damaged', '2.jpg'), 700)
  writeFileSync(join(folder, 'damaged', 'notes.png'), 'no picture at all')
  writeFileSync(join(folder, 'damaged', 'empty.jpg'), '')
  await sharp({ create: { width: 1, height: 1, channels: 3, background: '#08f' } })
    .png()
    .toFile(join(folder, 'damaged', 'one.png'))
  const { status, stderr } = dino(
    `train --data damaged ${recipe} --output-dir mended --batch-size 11 --epochs 1 --warmup-epochs 0`,
  )
  for (const name of ['2.jpg', 'notes.png', 'empty.jpg'])
    expect(stderr).toMatch(new RegExp(`Set aside.*damaged.${name}`))
  expect(stderr).not.toMatch(/Set aside.*one\.png/)
  expect(stderr).toContain('3 of 11 images could not be read and were set aside')
  expect(status).toBe(0)
})

test('a folder in which no image can be read ends the run with the first reason', () => {
  mkdirSync(join(folder, 'fakes'))
  for (let i = 0; i < 6; i++) writeFileSync(join(folder, 'fakes', `${i}.jpg`), 'words')
  const { status, stderr } = dino(`train --data fakes ${quick} --output-dir none`)
  expect(stderr).toMatch(/None of the 6 images can be read. The first one, fakes.\d.jpg: not a JPEG/)
  expect(status).toBe(1)
})

test('a checkpoint that is none, or of another kind, is refused in one line', async () => {
  writeFileSync(join(folder, 'broken.safetensors'), 'not tensors')
  for (const checkpoint of ['broken.safetensors', 'missing.safetensors', 'photos']) {
    const { status, stderr } = dino(`extract ${checkpoint} --data photos`)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain(checkpoint)
    expect(status).toBeGreaterThan(0)
  }
  expect(existsSync(join(folder, 'features.safetensors.tmp'))).toBe(false)
})

test('a checkpoint of another architecture is refused, naming the parameter', async () => {
  dino(`train --data photos ${quick} --output-dir narrow --max-steps 1`)
  const { tensors } = await readSafetensors(join(folder, 'narrow', 'checkpoint.safetensors'))
  const prefix = 'teacher.backbone.'
  const backbone = Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  )
  const { 'norm.bias': bias, ...rest } = backbone
  await writeSafetensors(join(folder, 'lacking.safetensors'), rest)
  await writeSafetensors(join(folder, 'other.safetensors'), {
    ...backbone,
    'norm.bias': { ...bias!, shape: [48], data: new Float32Array(48) },
  })
  expect(dino('extract lacking.safetensors --data photos').stderr).toMatch(
    /lacking.*norm\.bias is missing; it needs shape \[96\]/,
  )
  expect(dino('extract other.safetensors --data photos').stderr).toMatch(
    /norm\.bias has shape \[48\], the model needs \[96\]/,
  )

  const { status, stderr } = dino('train --resume --output-dir narrow --embed-dim 48')
  expect(stderr).toMatch(/narrow holds another run \(--embed-dim 96 there, 48 here\)/)
  expect(status).toBe(2)
})

function metrics(run: string): { iteration?: number; loss?: number; knn?: object }[] {
  const lines = readFileSync(join(folder, run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  return lines.filter(Boolean).map((line) => JSON.parse(line))
}

function said(child: ChildProcess, what: RegExp): Promise<void> {
  let text = ''
  return new Promise((resolve, reject) => {
    child.stderr!.on('data', (chunk) => {
      text += chunk
      if (what.test(text)) resolve()
    })
    child.on('exit', () => reject(new Error(`ended before it said ${what}: ${text}`)))
  })
}

function exit(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on('exit', resolve))
}

async function photo(path: string, colour: readonly number[], i: number): Promise<void> {
  const [width, height] = [48 + 4 * (i % 4), 40 + 6 * (i % 3)]
  const draws = stream(5, path.split('/').slice(-2).join('/'))
  const data = Uint8Array.from({ length: width * height * 3 }, (_, p) => colour[p % 3]! + draws.uniform(-25, 25))
  await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toFile(path)
}
