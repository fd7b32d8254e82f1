import { expect, test } from 'vitest'
import { resolveConfig } from '../config/resolve.js'
import { estimateText } from './dry-run.js'
import { type Estimate, settingThatFits } from './estimate.js'

const config = { batchSize: 12, useBnInHead: false, recompute: false }
/** Each image takes 10, or 2 when its blocks are computed again. */
const upTo = (room: number) => async (part: number, recompute: boolean) => part * (recompute ? 2 : 10) <= room

test.each([
  [60, '--micro-batch 6'],
  [59, '--micro-batch 4'], // a part has to divide the batch
  [10, '--micro-batch 1'],
  [9, '--micro-batch 4 --recompute'],
  [1, undefined],
])('with room for %i, the largest parts that fit come before more time: %s', async (room, flags) => {
  expect(await settingThatFits(config, upTo(room))).toBe(flags)
})

test('what is given already is not suggested, and parts are not where batch norm sees the batch', async () => {
  expect(await settingThatFits({ ...config, microBatch: 4, recompute: true }, upTo(4))).toBe('--micro-batch 2')
  expect(await settingThatFits({ ...config, microBatch: 4 }, upTo(8))).toBe('--micro-batch 4 --recompute')
  expect(await settingThatFits({ ...config, useBnInHead: true }, upTo(24))).toBe('--recompute')
  expect(await settingThatFits({ ...config, useBnInHead: true }, upTo(23))).toBeUndefined()
})

test('an estimate says what does not fit, and what to do', () => {
  const found: Estimate = {
    parameters: { backbone: 21.7e6, head: 22.4e6 },
    tokens: { global: 197, local: 37, step: 44160 },
    flops: 6.77e12,
    memory: { bytes: 20.6e9, limit: 16e9, fits: false },
    secondsPerStep: 25.2,
    suggestion: '--micro-batch 32',
    measured: [
      { images: 1, secondsPerStep: 0.6, bytes: 2.5e9 },
      { images: 4, secondsPerStep: 1.74, bytes: 3.5e9 },
    ],
  }
  const run = { images: 6400, steps: 10_000, totalSeconds: 252_000 }
  const config = resolveConfig({ data: 'photos', threads: 2 })
  expect(estimateText(config, 'TensorFlow 2.21.0', found, run)).toMatchInlineSnapshot(`
    "Engine      TensorFlow 2.21.0, 2 threads
    Parameters  21.7 M backbone + 22.4 M head, twice with the teacher
    Step        64 images, each 2 global crops of 197 tokens + 8 local crops of 37: 44160 tokens
    Products    6770 GFLOP a step, 269 GFLOP/s
    Memory      about 21 GB of 16 GB
    Time        about 25.2 s a step, if the loader keeps up
    In all      10000 steps over 6400 images: 2 d 22 h
    From        1 image: 0.6 s, 2.5 GB; 4 images: 1.74 s, 3.5 GB

    This does not fit in memory. Add --micro-batch 32: the same step in less memory.
    "
  `)
  expect(estimateText(config, '', { ...found, suggestion: undefined }, run)).toContain('smaller --arch')
})
