import { resolveConfig } from '@dino/trainer'
import * as vit from '@dino/vit'
import { expect, test } from 'vitest'
import { flops, forward, referenceProducts } from '../step/products.js'
import { stepFlops } from './cost.js'
import { dryRunText, listText } from './dry-run.js'
import { attentionExperiment, experiments } from './experiments.js'
import { difference, keyOf, plan, runOf, settingsOf } from './plan.js'
import { recipeOf, type ScaleName, scaleIn, scales } from './scale.js'

const data = { folder: 'DATA', digest: 'D' }
const place = { out: 'OUT', data, threads: 0 }
/** Rows of a table that are one run, each for a reason: what they say is what all rows have. */
const OF_SMALLER = [
  'appendix: base = k-3 = center-0.9 = temp-0.04 = epochs-100',
  'appendix: k-2 = head-4',
  'appendix: epochs-300 = heads-6',
]
const SAME: Record<ScaleName, string[]> = {
  tiny: OF_SMALLER,
  small: OF_SMALLER,
  imagenet: ['appendix: base = k-4 = center-0.9 = temp-warm-up = epochs-100', 'appendix: k-2 = head-4'],
}
const named = (name: string) => experiments.find((experiment) => experiment.name === name)!
const rowOf = (table: string, name: string) => named(table).rows.find((row) => row.name === name)!
const inFull = (table: string, name: string) =>
  resolveConfig({ ...settingsOf(rowOf(table, name), scales.imagenet), data: 'DIR' })

test.each(Object.values(scales))('every row of every table is a run at scale $name', (scale) => {
  for (const experiment of experiments) {
    for (const row of experiment.rows) {
      expect(
        () => resolveConfig({ ...settingsOf(row, scale), data: 'DIR' }),
        `${experiment.name} ${row.name}`,
      ).not.toThrow()
    }
    const names = experiment.rows.map((row) => row.name)
    expect(new Set(names).size, experiment.name).toBe(names.length)
  }
})

test.each(Object.values(scales))('rows that say different things are different runs, at scale $name', (scale) => {
  const found = experiments.flatMap(({ name, rows }) => {
    const keys = new Map<string, string[]>()
    for (const row of rows) {
      const { key } = runOf(row, scale, 0, place)
      keys.set(key, [...(keys.get(key) ?? []), row.name])
    }
    return [...keys.values()].filter((names) => names.length > 1).map((names) => `${name}: ${names.join(' = ')}`)
  })
  expect(found).toEqual(SAME[scale.name])
})

test('a run is the same wherever it lies and however fast it goes, and another with another seed or setting', () => {
  const base = resolveConfig({ ...scales.tiny.base, data: 'A' })
  const key = keyOf(base, data)
  expect(keyOf({ ...base, data: 'B', outputDir: 'C', threads: 7, numWorkers: 3 }, data)).toBe(key)
  expect(keyOf({ ...base, seed: 1 }, data)).not.toBe(key)
  expect(keyOf({ ...base, centering: 'none' }, data)).not.toBe(key)
  expect(keyOf(base, { digest: 'other images' })).not.toBe(key)
})

test('longer rows on demand: each in proportion, as runs of their own; without --epochs a scale is what it was', () => {
  const long = scaleIn({ scale: 'small', precision: 'fp32', epochs: 60 })
  const epochsOf = (name: string) => settingsOf(named('table8').rows.find((row) => row.name === name)!, long).epochs
  expect(['2+6', '2-longer', '2-short'].map(epochsOf)).toEqual([60, 90, 30])
  expect(dryRunText(named('table8'), long, { seeds: 1 })).toContain('2400 steps of 64 images')
  expect(scaleIn({ scale: 'small', precision: 'fp32' })).toEqual(scales.small)
})

test('tables share runs: DINO of table 7 is that of tables 14 and 15 and of figure 6', () => {
  const keys = (name: string) => plan(named(name), scales.tiny, 1, place).map(({ key }) => key)
  expect(keys('table14')[0]).toBe(keys('table7')[0])
  expect(keys('table15')[0]).toBe(keys('table7')[0])
  expect(keys('figure6')[3]).toBe(keys('table7')[0])
  expect(plan(named('figure7'), scales.tiny, 3, place)).toHaveLength(12)
})

test('what a row sets is told beside the row above', () => {
  const { rows } = named('table7')
  expect(difference(rows[0]!, undefined, scales.tiny)).toEqual([])
  expect(difference(rows[2]!, rows[1], scales.tiny)).toEqual([
    ['centering', 'sinkhorn'],
    ['teacher', 'momentum'],
  ])
})

test('the numbers of tables 7 and 15 are those of the paper, row by row', () => {
  const numbers = (name: string) => named(name).rows.map(({ paper }) => [paper?.knn, paper?.linear])
  expect(numbers('table7')).toEqual([
    ...[
      [72.8, 76.1],
      [0.1, 0.1],
      [72.2, 76.0],
      [67.9, 72.5],
      [52.6, 62.4],
      [71.8, 75.6],
    ],
    ...[
      [66.6, 71.4],
      [62.0, 71.6],
      [64.7, 71.8],
      [undefined, undefined],
    ],
  ])
  expect(numbers('table15').map(([, linear]) => linear)).toEqual([76.1, 75.8, 76.0, 0.1, 72.2, 71.8, undefined])
})

test('BYOL and MoCo-v2 are compared on two crops, SwAV and DINO with multi-crop, on both backbones', () => {
  for (const scale of Object.values(scales)) {
    for (const table of ['table2', 'table13']) {
      const locals = (name: string) => settingsOf(rowOf(table, name), scale).localCropsNumber!
      for (const name of ['byol', 'moco-v2']) expect([locals(name), locals(`resnet-${name}`)]).toEqual([0, 0])
      for (const name of ['swav', 'dino']) expect(Math.min(locals(name), locals(`resnet-${name}`))).toBeGreaterThan(0)
    }
  }
  expect(rowOf('table13', 'resnet-moco-v2').note).toContain('two crops')
})

test("at the paper's own size a row is the recipe whose number it quotes, and says where not", () => {
  const differs = (table: string, name: string, recipe: string, ...known: string[]) => {
    const [own, theirs] = [inFull(table, name), resolveConfig({ ...recipeOf(recipe), data: 'DIR' })]
    const keys = Object.keys({ ...own, ...theirs }) as (keyof typeof own)[]
    const found = keys.filter((key) => !known.includes(key) && JSON.stringify(own[key]) !== JSON.stringify(theirs[key]))
    expect(found, `${table} ${name}`).toEqual([])
  }
  differs('table2', 'dino', 'paper-800')
  differs('table7', 'dino', 'paper-800', 'epochs')
  differs('appendix', 'epochs-800', 'paper-800')
  const crops = ['localCropsNumber', 'localCropsScale', 'globalCropsScale']
  const ofTheBase = ['normLastLayer', 'teacherTemp', 'warmupTeacherTempEpochs', 'localCropsScale']
  differs('table7', 'no-multicrop', 'no-multicrop', ...ofTheBase)
  const ofDino = [...ofTheBase, 'clipGrad', 'minLr']
  differs('table7', 'byol', 'byol', ...ofDino)
  differs('table7', 'moco-v2', 'moco-v2', ...ofDino)
  differs('table7', 'swav', 'swav', ...crops, 'clipGrad', 'minLr')
  differs('table13', 'resnet-dino', 'rn50', 'batchSize', 'epochs')
  for (const name of ['no-multicrop', 'byol', 'moco-v2', 'swav']) {
    expect(rowOf('table7', name).deviations!(scales.imagenet)).not.toEqual([])
  }
})

test('rows of the same number of crops carry the time and memory of table 8, in its ratios to the first', () => {
  const [first, ...more] = named('table8').rows.filter(({ name }) => /^2(\+\d+)?$/.test(name))
  const ratios = (what: 'hours' | 'gigabytes') =>
    more.map(({ paperCost }) => (paperCost![what]! / first!.paperCost![what]!).toFixed(2))
  expect(ratios('hours')).toEqual(['1.11', '1.33', '1.58'])
  expect(ratios('gigabytes')).toEqual(['1.13', '1.39', '1.66'])
  const short = named('table8').rows.filter(({ name }) => name.endsWith('-short'))
  expect(short.map(({ paper, paperCost }) => [paper!.linear, paperCost!.hours])).toEqual([
    [67.8, 15.3],
    [71.5, 17.0],
    [73.8, 20.3],
    [74.6, 24.2],
  ])
  expect(['2', '2+6'].map((name) => rowOf('table8', name).paper!.knn)).toEqual([67.9, 72.7])
  expect(named('figure5').rows.map(({ paperThroughput }) => paperThroughput)).toEqual([1007, 180, 44])
})

test('claims of learning and of learning nothing stand beside untrained weights', () => {
  for (const name of ['table7', 'table14', 'table15', 'figure6', 'appendix']) {
    expect(named(name).rows.at(-1)!.name, name).toBe('untrained')
  }
})

test('a step is counted as the reference takes it; on labels it is one crop, forward and backward', () => {
  const config = resolveConfig({ data: 'DIR', batchSize: 2 })
  const small = vit.config('vit_small')
  expect(stepFlops(config)).toBe(flops(referenceProducts(small, { batch: 2, locals: 8, outDim: 65536 })))
  const patches = 2 * 2 * 196 * 768 * 384
  expect(stepFlops(config, { supervised: true })).toBe(3 * flops(forward(small, 2, 224)) - patches)
})

test('what is counted for rows of table 8 is in proportion to the hours that the paper gives them', () => {
  const work = (name: string) => stepFlops(inFull('table8', name)) * inFull('table8', name).epochs
  for (const { name, paperCost } of named('table8').rows.filter(({ paperCost }) => paperCost)) {
    const hours = (72.6 * work(name)) / work('2+10')
    expect(Math.abs(hours / paperCost!.hours! - 1), name).toBeLessThan(0.06)
  }
})

test('list names every table and figure, with its runs: rows that are the same run count once', () => {
  const text = listText([...experiments, attentionExperiment])
  for (const { name } of experiments) expect(text).toMatch(new RegExp(`^  ${name} `, 'm'))
  expect(text).toMatch(/^ {2}table1 /m)
  expect(text).toMatch(/^ {2}attention +3 +3 in /m)
  expect(text).toMatch(/^ {2}table7 +10 +10 in \d+ (s|min)/m)
  const [, rows, runs] = /^ {2}appendix +(\d+) +(\d+) in /m.exec(text)!
  const keys = new Set(named('appendix').rows.map((row) => runOf(row, scales.tiny, 0, place).key))
  expect([Number(rows), Number(runs)]).toEqual([named('appendix').rows.length, keys.size])
  expect(keys.size).toBeLessThan(named('appendix').rows.length)
})

test('a dry run says what each row costs, with how many images, and prints commands that can be run', () => {
  expect(dryRunText(named('table8'), scales.imagenet, { seeds: 1 })).toMatch(
    /^ {2}about \d years on two cores, 1162 h on one GPU\n {2}the paper: 72.6 h on 16 GPUs, 15.4 GB of each GPU$/m,
  )
  const text = dryRunText(named('table15'), scales.imagenet, { seeds: 3 })
  expect(text).toContain('dino train --data DIR --arch vit_small --patch-size 16 --batch-size 1024 --epochs 300')
  expect(text).toContain('--teacher student --centering softmax-batch')
  expect(text).toMatch(/375300 steps of 1024 images, 384 million in all; \d+ TFLOP a step, [\d.]+ EFLOP in all/)
  expect(text).toMatch(/about \d+ years on two cores, \d+ h on one GPU, for 3 seeds/)
  expect(text).toMatch(/sustain [\d.]+ TFLOP a second.*an assumption/)
  // The embedded objects to train on are 958: 29 steps of 32 an epoch, as runs of it take.
  expect(dryRunText(named('figure7'), scales.tiny, { seeds: 1 })).toContain('1160 steps of 32 images')
})

test("a dry run says where each row, and all of them, are not the paper's", () => {
  const text = dryRunText(named('table2'), scales.imagenet, { seeds: 1 })
  const ofRow = (name: string) => text.split('\n\n').find((part) => part.startsWith(`${name}: `))!
  expect(ofRow('resnet-dino')).toMatch(/beside the paper: .*4080/)
  expect(ofRow('moco-v2')).toMatch(/beside the paper: .*how many epochs is not told/)
  expect(ofRow('dino')).toMatch(/note: .*not reproduced: DINO on a ViT-S\/8/)
  expect(text).toMatch(/clip_grad 0, min_lr 1e-5 .* from memory/)

  const small = dryRunText(named('appendix'), scales.small, { seeds: 1 })
  expect(small).toContain('for epochs 100, 300, 800 there are 10, 20, 40; for heads 6, 8, 12, 16 4, 8, 16, 32;')
  expect(small).toContain('--lr 0.008 (0.0005)')
  expect(small).not.toMatch(/--data-?\w* DIR \(DIR\)|--knn-freq \d+ \(/)
})

test('a supervised row is a run of its own, told as the fine-tuning that it is', () => {
  const row = named('table2').rows.find(({ name }) => name === 'supervised')!
  const run = runOf(row, scales.tiny, 0, place)
  expect(run.key).toBe(`${runOf(named('table7').rows[0]!, scales.tiny, 0, place).key}-supervised`)
  expect(run.supervisedLr).toBe(scales.tiny.supervisedLr)
  const text = dryRunText(named('table2'), scales.imagenet, { seeds: 1 })
  expect(text).toMatch(
    /--arch resnet50 .*--max-steps 1 --output-dir LIKE\n {2}dino eval finetune random --like LIKE --data DIR --epochs 300 --batch-size 1024 --lr 0.0005/,
  )
})
