import { resolveConfig } from '@dino/trainer'
import { expect, test } from 'vitest'
import { dryRunText, listText } from './dry-run.js'
import { experiments } from './experiments.js'
import { difference, keyOf, plan, runOf, settingsOf } from './plan.js'
import { scaleIn, scales } from './scale.js'

const data = { folder: 'DATA', digest: 'D' }
const place = { out: 'OUT', data, threads: 0 }
const named = (name: string) => experiments.find((experiment) => experiment.name === name)!

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
  const shared = [
    ['epochs-300', 'heads-6'], // the length of table 7, its heads
    ['head-4', 'k-2'], // K 4096 with the usual head, both of them
    ['base', 'k-4', 'center-0.9', 'temp-0.04', 'epochs-100', 'heads-6', 'split-0.24', 'k-3', 'k-1', 'temp-warm-up'],
  ]
  for (const experiment of experiments) {
    const keys = new Map<string, string[]>()
    for (const row of experiment.rows) {
      const { key } = runOf(row, scale, 0, place)
      keys.set(key, [...(keys.get(key) ?? []), row.name])
    }
    for (const same of [...keys.values()].filter((names) => names.length > 1)) {
      expect(
        shared.some((names) => same.every((name) => names.includes(name))),
        `${experiment.name}: ${same}`,
      ).toBe(true)
    }
  }
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

test('the paper has a number for every row that claims one, between 0 and 100', () => {
  for (const { rows } of experiments) {
    for (const { paper = {} } of rows) {
      for (const value of Object.values(paper)) {
        expect(value).toBeGreaterThan(0)
        expect(value).toBeLessThan(100)
      }
    }
  }
})

test('list and dry run say what each costs and print commands that can be run', () => {
  expect(listText(experiments)).toMatch(/table7 +10 rows +\d+ (s|min)/)
  const text = dryRunText(named('table15'), scales.imagenet, { seeds: 3 })
  expect(text).toContain('dino train --data DIR --arch vit_small --patch-size 16 --batch-size 1024 --epochs 300')
  expect(text).toContain('--teacher student --centering softmax-batch')
  expect(text).toMatch(/375300 steps of 1024 images, about \d+ days on two cores for 3 seeds/)
  expect(text).toContain('Beside the paper:')
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
