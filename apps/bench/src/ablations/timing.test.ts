import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { costChart } from './comparison-chart.js'
import { trialExperiment } from './experiments.js'
import { type Run, runOf } from './plan.js'
import { report } from './report.js'
import { outcomesOf, type RunResult } from './result.js'
import { scales } from './scale.js'
import { timeRows } from './timing.js'

const out = mkdtempSync(join(tmpdir(), 'dino-timing-'))
const data = { folder: join(out, 'data'), digest: 'D', name: 'made', train: 32, val: 0 }
const rows = trialExperiment.rows.slice(0, 1)
const experiment = { ...trialExperiment, rows, claims: [], cost: true }
const signal = new AbortController().signal
let run: Run
let said = ''
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const stderr = { write: (text: string) => (said += text) }
const options = { out, data, stderr, signal, rounds: 1, cli }
afterAll(() => rmSync(out, { recursive: true, force: true }))

beforeAll(async () => {
  for (let i = 0; i < 32; i++) {
    const folder = join(data.folder, 'train', i % 2 ? 'light' : 'dark')
    mkdirSync(folder, { recursive: true })
    const background = { r: 8 * i, g: 4 * i, b: i }
    await sharp({ create: { width: 32, height: 32, channels: 3, background } })
      .png()
      .toFile(join(folder, `${i}.png`))
  }
  // A run that has finished 12 steps; what they came to does not matter here.
  run = runOf(rows[0]!, scales.tiny, 0, { out, data, threads: 1 })
  mkdirSync(run.folder, { recursive: true })
  writeFileSync(`${run.folder}.json`, JSON.stringify(run.config))
  const nothing = { curve: [], knnCurve: [], end: { loss: 1 }, chance: 50 }
  const result: RunResult = {
    ...{ key: run.key, seed: 0, steps: 12, secondsPerStep: 99, bytes: 99e9, knn: { teacher: 60, student: 60 } },
    ...{ ...nothing, config: run.config, machine: { engine: 'E', cpu: 'C', cores: 2, node: 'v', commit: 'c' } },
  }
  writeFileSync(join(run.folder, 'result.json'), JSON.stringify(result))
})

test('a row of a table of costs is timed in a process of its own, once, and the report tells that', async () => {
  const { costs, failed } = await timeRows(experiment, [run], options)
  const cost = costs.get('small')!
  expect(failed).toBe(0)
  expect(said).toBe('small: timed alone, 1 of 1\n')
  expect(cost.imagesPerSecond).toBeCloseTo((12 * run.config.batchSize) / cost.seconds, 6)
  expect(cost.seconds).toBeGreaterThan(0)
  expect(cost.seconds).toBeLessThan(12 * 99)
  expect(cost.gigabytes).toBeLessThan(99)

  const outcomes = outcomesOf(rows, [run], costs)
  const { columns, rows: told } = report(experiment, scales.tiny, [run], {
    ...{ outcomes, seeds: 1, command: 'C', data, charts: [] },
  })
  const cells = Object.fromEntries(columns.map((column, i) => [column, told[0]!.cells[i]]))
  expect(cells['images/s']).toBe(cost.imagesPerSecond.toFixed(1))
  expect(cells['time, to the first']).toBe('1.00')
  expect(await costChart(experiment, outcomes)).toBeUndefined() // one point is no curve

  said = ''
  expect((await timeRows(experiment, [run], options)).costs).toEqual(costs)
  expect(said).toBe('')
})

test('times of another machine are not taken; a row that cannot be timed is told and left out, and stopping leaves what there is', async () => {
  const file = join(out, 'timing', 'trial.json')
  const timed = { secondsPerStep: 1, bytes: 1e9 }
  writeFileSync(file, JSON.stringify({ machine: 'another', rows: { [run.key]: [timed] } }))
  said = ''
  const stopped = await timeRows(experiment, [run], { ...options, signal: AbortSignal.abort() })
  expect(stopped).toEqual({ costs: new Map(), failed: 0, interrupted: true })
  expect(said).toBe('')
  const missing = await timeRows(experiment, [run], { ...options, cli: join(out, 'none.js') })
  expect(missing).toEqual({ costs: new Map(), failed: 1, interrupted: false })
  expect(said).toMatch(/^small: timed alone, 1 of 1\nsmall: not timed: /)
})
