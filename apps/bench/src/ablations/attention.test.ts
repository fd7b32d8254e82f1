import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stream } from '@dino/random'
import sharp from 'sharp'
import { afterAll, expect, test } from 'vitest'
import { attentionReport, type Scored } from './attention.js'
import { maskSheet } from './attention-sheet.js'
import { attentionExperiment } from './experiments.js'
import type { Report } from './report.js'
import { toMarkdown } from './report-markdown.js'

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'dino-attention-bench-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const attention = (...args: string[]) =>
  spawnSync(process.execPath, [cli, 'attention', '--out', join(root, 'out'), ...args], { encoding: 'utf8' })

const made: Report = {
  ...{ name: 'attention', title: 'TITLE', source: 'SOURCE', scale: { name: 'tiny', summary: 'SUMMARY' }, seeds: 2 },
  ...{ command: 'COMMAND', columns: [], claims: [], charts: [{ title: 'SHEET', svg: '<svg/>' }], notes: [] },
  rows: attentionExperiment.rows.map(({ name, title }) => ({ name, title, cells: [], settings: [] })),
}
const scored = (bestHeadOfEachImage: number): Scored => ({
  ...{ bestHeadOfEachImage, bestHead: bestHeadOfEachImage / 2, bestHeadIndex: 0, meanHead: bestHeadOfEachImage / 4 },
})

test("the paper's number stands beside the best head of each image, over seeds", () => {
  const found = new Map([
    ['dino', [scored(0.42), scored(0.44)]],
    ['supervised', [scored(0.3), scored(0.3)]],
    ['untrained', [scored(0.35), scored(0.37)]],
  ])
  const report = attentionReport(made, found, 'TRUTH')
  expect(report.claims.map(({ verdict }) => verdict)).toEqual(['holds', 'holds', 'does not hold'])
  expect(report.claims[1]!.because).toBe("43.0 ± 1.4 against 36.0 ± 1.4; the paper's 45.9 against 22.0")
  const text = toMarkdown(report)
  expect(text).toContain(
    '|  | best head of each image, Jaccard % | best head of each image, paper | best single head |',
  )
  expect(text).toContain('| DINO | 43.0 ± 1.4 | 45.9 | 21.5 ± 0.7 | 10.8 ± 0.4 |')
  expect(text).toContain('(attention-0.svg)')
})

test('a row that was left out or failed is told as such, and no claim is made of it', () => {
  const report = attentionReport(made, new Map([['dino', [scored(0.4)]]]), 'TRUTH')
  expect(report.claims.map(({ verdict }) => verdict)).toEqual(['not measured', 'not measured', 'not measured'])
  expect(toMarkdown(report)).toContain('| untrained weights | - | 22.0 | - | - |')
})

test('pictures stand in columns under their titles', () => {
  const pictures = [Uint8Array.of(1), Uint8Array.of(2)]
  const sheet = maskSheet([
    { title: 'image', pictures },
    { title: 'DINO', pictures },
  ])
  expect(sheet.match(/<image /g)).toHaveLength(4)
  expect(sheet).toContain('width="200" height="220"')
})

test('a dry run tells the rows that were asked for and what they are held to, and makes nothing', () => {
  const { status, stdout } = attention('--dry-run', '--scale', 'imagenet', '--seeds', '2', '--only', 'dino,supervised')
  expect(status).toBe(0)
  expect(stdout).toContain('dino: DINO\n  375300 steps of 1024 images')
  expect(stdout).toContain('for 2 seeds')
  expect(stdout).toContain('Then held to --masks DIR, a folder of Pascal VOC.')
  expect(stdout).not.toContain('untrained')
  expect(existsSync(join(root, 'out'))).toBe(false)
})

test('what would fail after training is refused before it', () => {
  mkdirSync(join(root, 'devkit', 'VOCdevkit', 'VOC2012', 'ImageSets', 'Segmentation'), { recursive: true })
  for (const part of ['JPEGImages', 'SegmentationClass', join('ImageSets', 'Segmentation', 'val.txt')]) {
    mkdirSync(join(root, 'devkit', 'VOCdevkit', 'VOC2012', part), { recursive: true })
  }
  const cases: [string[], string][] = [
    [['--only', 'dion'], 'attention has no row dion. It has dino, untrained, supervised.'],
    [['--scale', 'small', '--data', root], '--masks DIR is missing: --data has no outlines of objects.'],
    [['--data', root, '--masks', 'nowhere'], '--masks nowhere: ImageSets/Segmentation/val.txt, JPEGImages, Seg'],
    [['--masks', join(root, 'devkit')], `Do you mean ${join(root, 'devkit', 'VOCdevkit/VOC2012')}?`],
  ]
  for (const [args, message] of cases) {
    const { status, stderr } = attention(...args)
    expect(stderr).toContain(message)
    expect(status).toBe(2)
  }
  expect(existsSync(join(root, 'out'))).toBe(false)
})

/** A square in the middle, lighter than its ground: as an image, and as the outline of an object. */
async function writeVoc(folder: string, names: readonly string[]): Promise<void> {
  for (const part of ['JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation']) {
    mkdirSync(join(folder, part), { recursive: true })
  }
  writeFileSync(join(folder, 'ImageSets/Segmentation/val.txt'), `${names.join('\n')}\n`)
  const inside = (pixel: number) => [pixel % 32, Math.floor(pixel / 32)].every((at) => at >= 8 && at < 24)
  const raw = { width: 32, height: 32, channels: 1 } as const
  for (const name of names) {
    const draws = stream(1, name)
    const image = Uint8Array.from({ length: 1024 }, (_, pixel) => draws.uniform(0, 120) + (inside(pixel) ? 130 : 0))
    const labels = Uint8Array.from({ length: 1024 }, (_, pixel) => (inside(pixel) ? 5 : 0))
    await sharp(image, { raw }).toFile(join(folder, 'JPEGImages', `${name}.jpg`))
    await sharp(labels, { raw })
      .toColourspace('b-w')
      .png()
      .toFile(join(folder, 'SegmentationClass', `${name}.png`))
  }
}

test('networks of any data are held to the outlines of a folder of Pascal VOC', { timeout: 120_000 }, async () => {
  const voc = join(root, 'voc')
  await writeVoc(voc, ['2007_000033', '2007_000042'])
  for (let i = 0; i < 48; i++) {
    const folder = join(root, 'data', i < 40 ? 'train' : 'val', i % 2 ? 'light' : 'dark')
    mkdirSync(folder, { recursive: true })
    const background = i % 2 ? '#ddd' : '#222'
    await sharp({ create: { width: 32, height: 32, channels: 3, background } }).toFile(join(folder, `${i}.png`))
  }
  const given = ['--data', join(root, 'data'), '--masks', voc, '--only', 'untrained']
  const { status, stdout, stderr } = attention(...given, '--report', join(root, 'report'), '--json')
  expect(stderr).toContain('untrained, seed 0: k-NN')
  expect(status).toBe(0)
  expect(stdout).not.toContain(root)
  const { rows, command } = JSON.parse(stdout) as { rows: { cells: string[]; attention: Scored[] }[]; command: string }
  expect(command).toBe('npm run bench -- attention --scale tiny --data DIR --only untrained --masks DIR')
  expect(rows).toHaveLength(1)
  const [{ bestHeadOfEachImage, bestHead }] = rows[0]!.attention as [Scored]
  expect(rows[0]!.cells[0]).toBe((100 * bestHeadOfEachImage).toFixed(1))
  expect(bestHeadOfEachImage).toBeGreaterThanOrEqual(bestHead)
  expect(bestHead).toBeGreaterThan(0)
  const sheet = readFileSync(join(root, 'report', 'attention-0.svg'), 'utf8')
  expect(sheet.match(/<image /g)).toHaveLength(4) // two images, and their masks
})
