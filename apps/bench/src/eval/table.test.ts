import type { CommandContext } from '@stricli/core'
import { expect, test } from 'vitest'
import { flops } from '../step/products.js'
import { evaluation } from './defaults.js'
import { measuresOf, type Sizes } from './measures.js'
import { type EvalFlags, runEval } from './run.js'
import { rowOf, table } from './table.js'
import type { EvalTiming } from './timing.js'

const sizes: Sizes = { ...evaluation, photos: 'photos' }
const flags: EvalFlags = { ...evaluation, json: false }
const side = (peer: string, times: number[], memory: number, top1: number): EvalTiming => ({
  ...{ peer, version: '1', threads: 2, times_ms: times, max_rss_gb: memory },
  accuracy: { 10: [top1, 90] },
})

test('a row tells the ratio of all medians, those of the rounds, memory and by how much results differ', () => {
  const [knn] = measuresOf(['knn'], sizes)
  const ours = [side('ours', [100, 120], 1, 80), side('ours', [140, 160], 1.2, 80)]
  const peers = [side('torch', [200, 240], 2, 80), side('torch', [200, 200], 2.5, 80.25)]
  const row = rowOf(knn!, ours, peers, '')
  expect(row).toMatchObject({
    oursMs: 130,
    peerMs: 200,
    ratio: 0.65,
    ratioOfRounds: [0.5, 0.75],
    oursGb: 1.2,
    peerGb: 2.5,
  })
  const lines = table({ cpu: 'a cpu', cores: 2, rounds: 2, rows: [row] }).split('\n')
  expect(lines[0]).toBe('a cpu, 2 cores, 2 rounds; ours 1, 2 threads; torch 1, 2 threads')
  expect(lines[3]!.split(/ {2,}/)).toEqual([
    'k-NN',
    '130 ms',
    '200 ms',
    '0.65 (0.50 to 0.75)',
    '-',
    '1.20, 2.50 GB',
    '0.25 % accuracy',
    '10000 of 200000 rows of 384, k 200',
  ])
})

test('without a peer there is our time alone, and how to get the other', () => {
  const [knn] = measuresOf(['knn'], sizes)
  const text = table({ cpu: 'a', cores: 1, rounds: 1, rows: [rowOf(knn!, [side('ours', [15_000], 1, 80)], [], '')] })
  expect(text).toMatch(/k-NN +15\.0 s +- +- +- +1\.00 GB/)
  expect(text).toContain('add --peer-python PATH')
})

test('the time of our side stands over what its products take alone', () => {
  const [knn, , bf16, files, masks] = measuresOf([], sizes)
  expect(flops(knn!.products!.all)).toBeCloseTo(2 * 10_000 * 200_000 * 384, -1)
  expect(bf16!.products!.precision).toBe('bf16')
  expect(flops(files!.products!.all)).toBeCloseTo((flops(bf16!.products!.all) * 128) / 32)
  expect(masks!.products).toBeUndefined() // most of their pairs are never multiplied
  const row = rowOf(knn!, [side('ours', [300], 1, 80)], [side('torch', [200], 2, 80)], '')
  const roofline = { ms: 200, flops: 40e9, version: '2.15.0' }
  const text = table({ cpu: 'a', cores: 2, rounds: 1, rows: [{ ...row, roofline }] })
  expect(text).toMatch(/k-NN +300 ms +200 ms +1\.50 \(1\.50 to 1\.50\) +1\.50 /)
  expect(text).toContain(
    'roofline of k-NN: 40.0 GFLOP of products take 200 ms alone, 200 GFLOP/s in torch.matmul 2.15.0',
  )
})

test('each measure is timed on its own words, all of them without any', () => {
  expect(measuresOf(['video'], sizes).map(({ name }) => name)).toEqual(['masks, ViT-S/16', 'masks, ViT-S/8'])
  expect(measuresOf([], sizes)).toHaveLength(6)
})

test.each([
  [{ rounds: 0 }, [], '--rounds: expected a whole number of 1 or more, got 0.'],
  [{}, ['knm'], 'There is no measure knm: choose of knn, features, video.'],
  [{ peerPython: './no/python' }, [], '--peer-python: ./no/python does not exist.'],
])('%j with %j is refused before anything runs', async (wrong, names, message) => {
  const refused = runEval.call({ process } as CommandContext, { ...flags, ...wrong }, ...names)
  await expect(refused).rejects.toMatchObject({ message: expect.stringContaining(message), exitCode: 2 })
})
