import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { AugmentResult } from './augment/tables.js'

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url))
const bench = (...args: string[]) => spawnSync(process.execPath, [cli, 'augment', ...args], { encoding: 'utf8' })

test('augment times our side alone where no peer is given', { timeout: 120_000 }, () => {
  const { status, stdout } = bench('--rounds', '1', '--repeats', '2', '--json')
  expect(status).toBe(0)
  const { sides, pool, photos } = JSON.parse(stdout) as AugmentResult
  expect(photos).toBe(1)
  expect(sides.map(({ name }) => name)).toEqual(['ours'])
  const { decode, crops, floats, file, ops, gigabytes } = sides[0]!
  for (const value of [decode, crops, floats, file, ...Object.values(ops), gigabytes]) expect(value).toBeGreaterThan(0)
  expect(Object.keys(ops)).toContain('hue')
  expect(pool.find(({ oneCore }) => !oneCore)).toMatchObject({ side: 'ours', workers: 1 })
  for (const { imagesPerSecond, gigabytes } of pool) {
    expect(imagesPerSecond).toBeGreaterThan(0)
    expect(gigabytes).toBeGreaterThan(0)
  }
})

test.each([
  [['--rounds', '0'], '--rounds: expected a whole number of 1 or more, got 0.'],
  [['--photos', 'nowhere'], '--photos: nowhere does not exist'],
  [['--peer-python', './nowhere'], '--peer-python: ./nowhere does not exist'],
])('augment refuses %j', (args, message) => {
  const { status, stderr } = bench(...args)
  expect(stderr).toContain(message)
  expect(status).toBe(2)
})
